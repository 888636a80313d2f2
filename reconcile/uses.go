package reconcile

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"strake/generations"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// Use is a container with those of its generations that need a thing.
type Use struct {
	Container   string `json:"container"`
	Standing    string `json:"standing,omitempty"` // "retired", "forgotten"; "": it is there
	Generations []int  `json:"generations"`
}

func (u Use) String() string {
	name := u.Container
	if u.Standing != "" {
		name += " (" + u.Standing + ")"
	}
	for i, n := range u.Generations {
		name += map[bool]string{true: " ", false: ","}[i == 0] + fmt.Sprint(n)
	}
	return name
}

// ImageUses is what images are needed for, by their digests. What goes is no
// reason.
func (e *Engine) ImageUses(going []Garbage) (map[string][]Use, error) {
	return e.uses(going, func(c *resource.Container) []string { return []string{c.Image.Digest} })
}

// uses is what things are needed for, by the names that needs tells.
func (e *Engine) uses(going []Garbage, needs func(*resource.Container) []string) (map[string][]Use, error) {
	all := map[string][]Use{}
	err := e.eachGeneration(going, func(who Use, n int, c *resource.Container) {
		for _, name := range needs(c) {
			list := all[name]
			last := len(list) - 1
			if last < 0 || list[last].Container != who.Container || list[last].Standing != who.Standing {
				list, last = append(list, who), last+1
			}
			list[last].Generations = append(list[last].Generations, n)
			all[name] = list
		}
	})
	return all, err
}

// eachRecorded calls f with what every generation is made of, of containers
// that stand, in the attic, and forgotten.
func (e *Engine) eachRecorded(f func(c *resource.Container)) error {
	return e.eachGeneration(nil, func(_ Use, _ int, c *resource.Container) { f(c) })
}

func (e *Engine) eachGeneration(going []Garbage, f func(who Use, n int, c *resource.Container)) error {
	names, err := e.State.Containers()
	for _, name := range names {
		err = errors.Join(err, recorded(e.State.Book(name), Use{Container: name}, f))
	}
	attic, err2 := e.State.Attic()
	for _, r := range attic {
		if !slices.ContainsFunc(going, func(g Garbage) bool { return g.retired.Path == r.Path }) {
			err = errors.Join(err, recorded(generations.Open(r.Path), Use{Container: r.Name, Standing: "retired"}, f))
		}
	}
	forgotten, err3 := e.State.Forgotten()
	for _, g := range forgotten {
		err = errors.Join(err, recorded(g.Dir.Book(g.Name), Use{Container: g.Name, Standing: "forgotten"}, f))
	}
	return errors.Join(err, err2, err3)
}

func recorded(book *generations.Book, who Use, f func(who Use, n int, c *resource.Container)) error {
	numbers, err := book.Numbers()
	if err != nil {
		return err
	}
	for _, n := range numbers {
		var c resource.Container
		text, err := book.File(n, state.DesiredFile)
		if err == nil {
			err = json.Unmarshal(text, &c)
		}
		if err != nil {
			return fmt.Errorf("container %s, generation %d: %w", who.Container, n, err)
		}
		f(who, n, &c)
	}
	return nil
}
