package spec

import (
	"slices"
	"strings"
)

// allFates checks the moved, removed and import blocks against what the stack
// declares.
func (c *checker) allFates() {
	moved, removed, imported := map[string]Pos{}, map[string]Pos{}, map[string]Pos{}
	for _, m := range c.stack.Moved {
		c.formerly(m.From, m.Pos, moved)
		c.twice("moved to "+m.To, m.Pos, moved, "to "+m.To)
		c.containerName(m.From, m.Pos)
	}
	for _, r := range c.stack.Removed {
		c.formerly(r.From, r.Pos, removed)
		c.containerName(r.From, r.Pos)
		c.oneOf("action", r.Pos, r.Action, Choices("removed.action")...)
		if other, also := moved[r.From]; also {
			c.add(Problem{Pos: r.Pos, Summary: r.From + " is moved and removed", Detail: "It is moved at " + other.String() + ". Take one of the blocks out."})
		}
	}
	for _, i := range c.stack.Imports {
		c.twice("imported into "+i.To, i.Pos, imported, "to "+i.To)
		c.twice("imported from "+i.From, i.Pos, imported, "from "+i.From)
		if i.From == "" || strings.HasPrefix(i.From, ".") || strings.ContainsAny(i.From, "/\x00\n") {
			c.add(Problem{Pos: i.Pos, Summary: "from can't be " + quote(i.From), Detail: "It is the name of an LXC container, as lxc-ls lists it."})
		}
	}
}

// formerly checks a name that the text has no more.
func (c *checker) formerly(name string, at Pos, seen map[string]Pos) {
	c.twice(name+" is spoken of", at, seen, name)
	i := slices.IndexFunc(c.stack.Containers, func(o Container) bool { return o.Name == name })
	if i >= 0 {
		c.add(Problem{Pos: at, Summary: "container " + name + " is still declared", Detail: "It stands at " + c.stack.Containers[i].Pos.String() + ". Take that block out, or this one."})
	}
}

func (c *checker) twice(what string, at Pos, seen map[string]Pos, key string) {
	if other, twice := seen[key]; twice {
		c.add(Problem{Pos: at, Summary: what + " twice", Detail: "The other block is at " + other.String() + "."})
		return
	}
	seen[key] = at
}

func (c *checker) containerName(name string, at Pos) { c.name("", at, "container", name) }
