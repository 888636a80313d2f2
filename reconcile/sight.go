package reconcile

import (
	"sync"
	"time"

	"strake/reconcile/plan"
)

// Sight is what a watcher knows of containers: which of them were as their
// generation says when they were looked at, with nothing told of them since. Such
// a container need not be looked at again by a run that has nothing to change about
// it. The nil Sight knows nothing, so everything is looked at.
type Sight struct {
	mu     sync.Mutex
	whole  bool // somebody watches
	turn   int  // counts what was told
	all    int  // the turn in which something was told of all
	some   map[string]int
	proven map[string]glimpse
}

// glimpse is a look at a container that found it as its generation says.
type glimpse struct {
	generation int
	at         time.Time
}

// trusted is how long a look counts: a watcher looks at everything once a minute,
// so an older one says that it does not get to it.
const trusted = 2 * time.Minute

// watch says whether somebody watches from now on. What was known before is forgotten.
func (s *Sight) watch(whole bool) {
	if s == nil {
		return
	}
	s.forget()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole = whole
}

// forget says that these containers, or without names any, may be otherwise now.
func (s *Sight) forget(names ...string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	if len(names) == 0 || s.proven == nil {
		s.all, s.some, s.proven = s.turn, map[string]int{}, map[string]glimpse{}
	}
	for _, name := range names {
		s.some[name] = s.turn
		delete(s.proven, name)
	}
}

// hint forgets what a hint is about.
func (s *Sight) hint(h Hint) {
	switch {
	case h.All:
		s.forget()
	case len(h.Containers) > 0:
		s.forget(h.Containers...)
	}
}

// now is the turn in which a look begins.
func (s *Sight) now() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.turn
}

// saw keeps the containers of a look that are as their generation says, but for
// those of which something was told since it began.
func (s *Sight) saw(list []plan.Subject, p plan.Plan, turn int, at time.Time) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.whole || s.all > turn {
		return
	}
	plain := map[string]bool{}
	for _, sub := range list {
		plain[sub.Name] = sub.Paused == "" && !sub.Stopped && !sub.Started && !sub.Frozen && len(sub.Pending) == 0
	}
	for _, c := range p.Containers {
		if plain[c.Name] && len(c.Changes) == 0 && len(c.Left) == 0 && s.some[c.Name] <= turn {
			s.proven[c.Name] = glimpse{c.From, at}
		}
	}
}

// proves says whether a container is as this generation of it says.
func (s *Sight) proves(name string, generation int, now time.Time) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.proven[name]
	return ok && s.whole && g.generation == generation && now.Sub(g.at) < trusted
}
