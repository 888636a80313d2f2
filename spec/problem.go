package spec

import "strings"

// Problem is something that a stack can't mean, whatever host it is for.
type Problem struct {
	Path    string // of the setting: `limits.memory`; "" for the whole block
	Pos     Pos
	Summary string
	Detail  string
	Absent  bool // about what was not written: Pos is the block around it
}

// Problems lists everything that is wrong with the stack's values: names,
// addresses, paths, ranges, duplicates and cycles. A stack without problems
// can be resolved against a host.
func (s Stack) Problems() []Problem {
	c := checker{stack: s, networks: make(map[string]*Network, len(s.Networks)), volumes: map[string]*Volume{}, egresses: map[string]*Egress{}}
	if s.Name != "" {
		c.name("", s.Pos, "stack", s.Name)
	}
	c.oneOf("prune", s.Pos, s.Prune, Choices("stack.prune")...)
	for i := range s.Images {
		c.image(&s.Images[i])
	}
	c.pins(s.Pins)
	c.allNetworks()
	c.allVolumes()
	c.allEgress()
	c.allSecrets()
	c.allContainers()
	c.allAddresses()
	c.allPublished()
	c.allDependencies()
	c.allFates()
	return c.found
}

// checker gathers the problems of one stack.
type checker struct {
	stack    Stack
	networks map[string]*Network
	volumes  map[string]*Volume
	egresses map[string]*Egress
	found    []Problem
}

func (c *checker) add(p Problem) { c.found = append(c.found, p) }

// place is where a setting of a container stands, or else the nearest block
// around it.
func (o *Container) place(path string) Pos {
	for path != "" {
		if p, ok := o.At[path]; ok {
			return p
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
	return o.Pos
}

func (n *Network) place(key string) Pos {
	if p, ok := n.At[key]; ok {
		return p
	}
	return n.Pos
}

// said says whether the setting was written at all, even as zero.
func (o *Container) said(path string) bool {
	_, ok := o.At[path]
	return ok
}

// wrong adds a problem of a container's setting.
func (c *checker) wrong(o *Container, path, summary, detail string) {
	c.add(Problem{Path: path, Pos: o.place(path), Summary: "container " + quote(o.Name) + ": " + summary, Detail: detail, Absent: path != "" && !o.said(path)})
}

// astray adds a problem of a network's setting.
func (c *checker) astray(n *Network, key, summary, detail string) {
	_, said := n.At[key]
	c.add(Problem{Path: key, Pos: n.place(key), Summary: "network " + quote(n.Name) + ": " + summary, Detail: detail, Absent: !said})
}
