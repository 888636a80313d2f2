package main

import (
	"fmt"
	"time"
)

// one is row 1: a Debian-sized container from nothing to RUNNING.
func (y *yard) one() ([]row, error) {
	s, err := y.ship()
	if err != nil {
		return nil, err
	}
	strake := figure{What: "`strake apply`", Unit: "s"}
	plain := figure{What: "`lxc-start`", Unit: "s"}
	lxd := figure{What: "`lxc launch`", Unit: "s"}
	tree, err := y.tree(y.Debian)
	if err != nil {
		return nil, err
	}
	prepared := prefix + "one"
	if err := y.floor.prepare(prepared, tree, y.Debian); err != nil {
		return nil, err
	}
	if _, err := s.apply(stack{}); err != nil { // the network is there, as it is for the others
		return nil, err
	}
	err = y.beside(func(i int) error {
		name := fmt.Sprintf("%so%d", prefix, i)
		if err := y.sample(&plain, func() (time.Duration, error) { return y.floor.start(prepared) }); err != nil {
			return err
		}
		if err := killAll(y.floor.path); err != nil {
			return err
		}
		return y.sample(&strake, func() (time.Duration, error) { return s.raise(wish{name: name, debian: true}) })
	}, nil, func(i int) error {
		name := fmt.Sprintf("%so%d", prefix, i)
		if err := y.sample(&lxd, func() (time.Duration, error) { return y.peer.launch("debian", name) }); err != nil {
			return err
		}
		return y.peer.remove(name)
	})
	if err != nil {
		return nil, err
	}
	return []row{{
		Number: 1, Work: "create and start one Debian-sized container (image cached) to RUNNING",
		Must: "<= 2 x `lxc-start` of a prepared one; >= 30 x as fast as LXD", Strake: []figure{strake}, Beside: []figure{plain, lxd},
		Checks: []check{ratio("of lxc-start", strake, plain, 2), faster("as fast as LXD", strake, lxd, 30)},
	}}, s.sink()
}

// raise times the creation of one container, makes sure that it is what
// was asked for, and takes it away.
func (s *ship) raise(w wish) (time.Duration, error) {
	u, err := s.apply(stack{[]wish{w}})
	if err != nil {
		return 0, err
	}
	if err := allRun(s.lxc(), 1); err != nil {
		return 0, err
	}
	if err := s.generation(w.name, "1"); err != nil {
		return 0, err
	}
	return u.wall, quiet(s.command("destroy", "--force", "--purge", "--yes", w.name))
}
