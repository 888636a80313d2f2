package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// live is row 4: the way back from a change that needs no restart.
func (y *yard) live() ([]row, error) {
	s, err := y.ship()
	if err != nil {
		return nil, err
	}
	name := prefix + "v"
	strake := figure{What: "`strake rollback`", Unit: "s"}
	plain := figure{What: "`lxc-cgroup`, the new value alone", Unit: "s"}
	lxd := figure{What: "`lxc restore`", Unit: "s", Note: "of a running busybox container"}
	if _, err := s.apply(stack{[]wish{{name: name}}}); err != nil {
		return nil, err
	}
	before, err := s.init(name)
	if err != nil {
		return nil, err
	}
	err = y.beside(func(i int) error {
		if err := y.sample(&strake, func() (time.Duration, error) { return y.liveBack(s, stack{[]wish{{name: name}}}, i) }); err != nil {
			return err
		}
		u, err := timed(exec.Command("lxc-cgroup", "-P", s.lxc(), "-n", name, y.bound(), fmt.Sprint(memory)))
		if err != nil {
			return err
		}
		plain.add(u.wall)
		return nil
	}, func() error { return y.snapshot(name, "busybox") }, func(int) error { return y.restores(&lxd, name) })
	if err != nil {
		return nil, err
	}
	after, err := s.init(name)
	if err != nil {
		return nil, err
	}
	if after != before {
		return nil, errors.New("a live rollback restarted the container")
	}
	all := []figure{strake}
	if y.among.measured() {
		all = append(all, y.among)
	}
	return []row{{
		Number: 4, Work: "rollback of a live-class change (memory limit), whole process", Must: "<= 50 ms",
		Strake: all, Beside: []figure{plain, lxd},
		Checks: []check{
			{What: "time", Is: strake.median() * 1000, Limit: 50, Unit: "ms", Known: true},
		},
	}}, y.done(s, name)
}

// liveBack changes the memory of the first container, which must arrive, and
// times the way back, which must arrive too.
func (y *yard) liveBack(s *ship, base stack, i int) (time.Duration, error) {
	first := base.containers[0].name
	changed := stack{slices.Clone(base.containers)}
	changed.containers[0].memory = 300 + i // never the same: that is on hold
	if _, err := s.apply(changed); err != nil {
		return 0, err
	}
	if err := s.bounded(first, y.bound(), (300+i)<<20); err != nil {
		return 0, err
	}
	d, err := s.rollback(first)
	if err != nil {
		return 0, err
	}
	return d, s.bounded(first, y.bound(), memory)
}

// bound is the cgroup's file for memory.
func (y *yard) bound() string {
	if y.floor.env.CgroupV2 {
		return "memory.max"
	}
	return "memory.limit_in_bytes"
}

// restart is row 5: the way back from a change that needs one.
func (y *yard) restart() ([]row, error) {
	s, err := y.ship()
	if err != nil {
		return nil, err
	}
	name := prefix + "r"
	r := restarts{yard: y, ship: s, name: name, base: stack{[]wish{{name: name, debian: true}}},
		strake: figure{What: "`strake rollback`", Unit: "s"},
		plain:  figure{What: "`lxc-stop -k` and `lxc-start`", Unit: "s"},
		asked:  figure{What: "the same with `lxc-stop`, which lets services end", Unit: "s"},
		lxd:    figure{What: "`lxc restore`", Unit: "s", Note: "of a running container; its data go back too"},
	}
	tree, err := y.tree(y.Debian)
	if err != nil {
		return nil, err
	}
	if err := y.floor.prepare(name, tree, y.Debian); err != nil {
		return nil, err
	}
	if _, err := y.floor.start(name); err != nil {
		return nil, err
	}
	if _, err := s.apply(r.base); err != nil {
		return nil, err
	}
	if err := y.beside(r.round, func() error { return y.snapshot(name, "debian") }, r.peers); err != nil {
		return nil, err
	}
	if err := killAll(y.floor.path); err != nil {
		return nil, err
	}
	return []row{{
		Number: 5, Work: "rollback with restart, Debian-sized, data kept", Must: "<= 2 x (`lxc-stop -k` + `lxc-start`)",
		Strake: []figure{r.strake}, Beside: []figure{r.plain, r.asked, r.lxd},
		Checks: []check{ratio("of stop and start", r.strake, r.plain, 2)},
	}}, y.done(s, name)
}

type restarts struct {
	*yard
	ship          *ship
	name          string
	base          stack
	strake, plain figure
	asked, lxd    figure
}

func (r *restarts) round(i int) error {
	folder := filepath.Join(r.ship.dir, fmt.Sprintf("extra%d", i)) // never the same: that is on hold
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	changed := stack{[]wish{{name: r.name, debian: true, mount: folder}}}
	if _, err := r.ship.apply(changed); err != nil {
		return err
	}
	if err := booted(r.ship.lxc(), r.name); err != nil {
		return err
	}
	data := fmt.Sprintf("/root/data%d", i)
	if err := r.inside("/usr/bin/touch", data); err != nil {
		return err
	}
	before, err := r.ship.init(r.name)
	if err != nil {
		return err
	}
	if err := r.sample(&r.strake, func() (time.Duration, error) { return r.ship.rollback(r.name) }); err != nil {
		return err
	}
	after, err := r.ship.init(r.name)
	if err != nil {
		return err
	}
	if after == before {
		return errors.New("the rollback restarted nothing")
	}
	if err := r.inside("/usr/bin/test", "-e", data); err != nil {
		return fmt.Errorf("the rollback lost data: %w", err)
	}
	if err := booted(r.floor.path, r.name); err != nil {
		return err
	}
	if err := r.sample(&r.plain, func() (time.Duration, error) { return r.floor.restart(r.name, "-k") }); err != nil {
		return err
	}
	if err := booted(r.floor.path, r.name); err != nil {
		return err
	}
	return r.sample(&r.asked, func() (time.Duration, error) { return r.floor.restart(r.name) })
}

// peers has LXD do it.
func (r *restarts) peers(int) error {
	if err := r.peer.booted(r.name); err != nil {
		return err
	}
	return r.restores(&r.lxd, r.name)
}

func (r *restarts) inside(args ...string) error {
	return quiet(exec.Command("lxc-attach", append([]string{"-P", r.ship.lxc(), "-n", r.name, "--clear-env", "--"}, args...)...))
}

// rollback times the way back to the generation before.
func (s *ship) rollback(name string) (time.Duration, error) {
	u, err := timed(s.command("rollback", "--yes", name))
	return u.wall, err
}

// bounded fails where the kernel has another bound than this.
func (s *ship) bounded(name, key string, want int) error {
	u, err := timed(exec.Command("lxc-cgroup", "-P", s.lxc(), "-n", name, key))
	if err == nil && strings.TrimSpace(u.out) != strconv.Itoa(want) {
		err = fmt.Errorf("%s of %s is %s, not %d", key, name, strings.TrimSpace(u.out), want)
	}
	return err
}

// init is the process that a restart replaces.
func (s *ship) init(name string) (string, error) {
	u, err := timed(exec.Command("lxc-info", "-P", s.lxc(), "-n", name, "-p", "-H"))
	return u.out, err
}

// snapshot gives LXD something to go back to.
func (y *yard) snapshot(name, image string) error {
	if _, err := y.peer.launch(image, name); err != nil {
		return err
	}
	return quiet(y.peer.command("lxc", "snapshot", name, "before"))
}

func (y *yard) restores(f *figure, name string) error {
	return y.sample(f, func() (time.Duration, error) { return y.peer.restore(name) })
}

// done takes away what a row with one container has made.
func (y *yard) done(s *ship, name string) error {
	if y.peer != nil {
		if err := y.peer.remove(name); err != nil {
			return err
		}
	}
	return s.sink()
}
