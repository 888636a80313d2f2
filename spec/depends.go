package spec

import "strings"

// allDependencies finds dependencies on what is not there, and cycles. Each
// container is visited once, so that a cycle is named once.
func (c *checker) allDependencies() {
	w := walk{checker: c, byName: make(map[string]*Container, len(c.stack.Containers)), state: map[string]visit{}}
	for i := range c.stack.Containers {
		o := &c.stack.Containers[i]
		w.byName[o.Name] = o
	}
	for i := range c.stack.Containers {
		w.visit(&c.stack.Containers[i])
	}
}

type visit int

const (
	open visit = iota + 1
	done
)

type walk struct {
	*checker
	byName map[string]*Container
	state  map[string]visit
	path   []string
}

func (w *walk) visit(o *Container) {
	if w.state[o.Name] != 0 {
		return
	}
	w.state[o.Name] = open
	w.path = append(w.path, o.Name)
	for _, name := range o.DependsOn {
		next := w.byName[name]
		switch {
		case next == nil:
			w.wrong(o, "depends_on", "it depends on container "+quote(name)+", which is not there", "Define it, or take it out of depends_on.")
		case w.state[name] == open:
			w.wrong(o, "depends_on", "dependency cycle: "+w.cycle(name), "No order of starting them exists. Take one of these dependencies out.")
		default:
			w.visit(next)
		}
	}
	w.path = w.path[:len(w.path)-1]
	w.state[o.Name] = done
}

// cycle shows the part of the path that starts at name, closed.
func (w *walk) cycle(name string) string {
	i := len(w.path) - 1
	for w.path[i] != name {
		i--
	}
	names := append(append([]string{}, w.path[i:]...), name)
	if len(names) > 12 {
		names = append(append(names[:6:6], "..."), names[len(names)-5:]...)
	}
	return strings.Join(names, " -> ")
}
