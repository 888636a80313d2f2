package main

import (
	"fmt"
	"os"
	"time"
)

// hundred is rows 2, 3 and 6: many busybox containers from nothing, looked at
// while they run, and what they hold.
func (y *yard) hundred() ([]row, error) {
	h := hundred{
		yard: y, n: y.Options.Many,
		strake: figure{What: "`strake apply`", Unit: "s"},
		plain:  figure{What: "`lxc-start` in a loop", Unit: "s"},
		lxd:    figure{What: "`lxc launch` in a loop", Unit: "s", Note: fmt.Sprintf("%d launched, times %d", launched, y.Options.Many/launched)},
		rss:    figure{What: "`strake apply`, at most", Unit: "MB"},
		lists:  figure{What: "`lxc list`", Unit: "s", Note: fmt.Sprintf("of %d only", launched)},
	}
	tree, err := y.tree(y.Busybox)
	if err != nil {
		return nil, err
	}
	if h.names, err = y.floor.prepareMany(h.n, tree, y.Busybox); err != nil {
		return nil, err
	}
	if err := y.repeat(h.round); err != nil {
		return nil, err
	}
	var rows []row
	for _, part := range []func() (row, error){h.creation, h.holding, h.looking} {
		r, err := part()
		if err != nil {
			return nil, err
		}
		if y.Options.wants(r.Number) {
			rows = append(rows, r)
		}
	}
	if y.Options.wants(4) {
		y.among = figure{What: fmt.Sprintf("with %d running", h.n), Unit: "s"}
		err := y.repeat(func(i int) error {
			return y.sample(&y.among, func() (time.Duration, error) { return y.liveBack(h.ship, many(h.n), i) })
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, h.ship.sink()
}

// launched is how many LXD makes in one sample.
const launched = 10

type hundred struct {
	*yard
	n     int
	names []string // prepared
	ship  *ship    // the last one, whose containers run

	strake, plain, lxd, rss   figure
	lists                     figure
	plainHolds, lxdHolds, own held
}

// round takes one of each. What strake made last stays up.
func (h *hundred) round(i int) error {
	if err := h.sample(&h.plain, func() (time.Duration, error) { return h.floor.start(h.names...) }); err != nil {
		return err
	}
	if err := allRun(h.floor.path, h.n); err != nil {
		return err
	}
	var err error
	if h.plainHolds, err = holds(h.floor.path); err != nil {
		return err
	}
	if err := killAll(h.floor.path); err != nil {
		return err
	}
	if err := h.launches(i); err != nil {
		return err
	}
	if h.ship != nil {
		if err := h.ship.sink(); err != nil {
			return err
		}
	}
	if h.ship, err = h.yard.ship(); err != nil {
		return err
	}
	var u usage
	err = h.sample(&h.strake, func() (d time.Duration, err error) {
		u, err = h.ship.apply(many(h.n))
		return u.wall, err
	})
	if err != nil {
		return err
	}
	h.rss.Samples = append(h.rss.Samples, u.rss)
	if err := h.ship.generation(many(h.n).containers[h.n-1].name, "1"); err != nil {
		return err
	}
	return allRun(h.ship.lxc(), h.n)
}

func (h *hundred) launches(i int) error {
	if h.peer == nil {
		return nil
	}
	var names []string
	for k := range launched {
		names = append(names, fmt.Sprintf("%sl%d-%d", prefix, i, k))
	}
	d, err := h.peer.launch("busybox", names...)
	if err != nil {
		return err
	}
	h.lxd.add(d * time.Duration(h.n/launched))
	if err := h.sample(&h.lists, h.peer.list); err != nil {
		return err
	}
	if h.lxdHolds, err = holds(h.peer.containersPath()); err != nil {
		return err
	}
	return h.peer.remove(names...)
}

func (h *hundred) creation() (row, error) {
	return row{
		Number: 2, Work: fmt.Sprintf("%d busybox containers from nothing to RUNNING, recorded as generations", h.n),
		Must:   "<= 1 x `lxc-start` in a loop; >= 15 x as fast as LXD",
		Strake: []figure{h.strake}, Beside: []figure{h.plain, h.lxd},
		Checks: []check{ratio("of lxc-start", h.strake, h.plain, 1), faster("as fast as LXD", h.strake, h.lxd, 15)},
	}, nil
}

// looking is row 3.
func (h *hundred) looking() (row, error) {
	apply := figure{What: "`strake apply`", Unit: "s"}
	plan := figure{What: "`strake plan`", Unit: "s"}
	list := figure{What: "`lxc-ls -f`", Unit: "s"}
	err := h.repeat(func(int) error {
		u, err := h.ship.apply(many(h.n))
		if err != nil {
			return err
		}
		apply.add(u.wall)
		if u, err = timed(h.ship.command("plan", "--detailed-exitcode", h.ship.file())); err != nil { // 2: there are differences
			return err
		}
		plan.add(u.wall)
		return h.sample(&list, func() (time.Duration, error) { return lsFancy(h.ship.lxc()) })
	})
	if err != nil {
		return row{}, err
	}
	if err := h.ship.generation(many(h.n).containers[0].name, "1"); err != nil {
		return row{}, err
	}
	return row{
		Number: 3, Work: fmt.Sprintf("no-op `apply` with %d running containers, everything observed", h.n),
		Must:   "<= 0.5 x `lxc-ls -f`",
		Strake: []figure{apply, plan}, Beside: []figure{list, h.lists},
		Checks: []check{ratio("of lxc-ls -f", apply, list, 0.5)},
	}, nil
}

// holding is row 6.
func (h *hundred) holding() (row, error) {
	var err error
	if h.own, err = holds(h.ship.lxc()); err != nil {
		return row{}, err
	}
	plain := figure{What: "of `lxc-start`, per container", Unit: "MB", Samples: []float64{h.plainHolds.beside}}
	own := figure{What: "stays, per container, beside what runs inside", Unit: "MB", Samples: []float64{h.own.beside}, Note: fmt.Sprintf("inside: %.2g MB", h.own.inside)}
	beside := []figure{plain}
	if h.peer != nil {
		list := []process{{pid: h.peer.daemon.Process.Pid}}
		daemon, err := memoryOf(list)
		if err != nil {
			return row{}, err
		}
		beside = append(beside,
			figure{What: "LXD's daemon", Unit: "MB", Samples: []float64{daemon}},
			figure{What: "of LXD, per container", Unit: "MB", Samples: []float64{h.lxdHolds.beside}})
	}
	return row{
		Number: 6, Work: fmt.Sprintf("memory: strake while it applies %d; what stays resident", h.n),
		Must:   "<= 60 MB; <= 1 MB per container over an idle busybox",
		Strake: []figure{h.rss, own}, Beside: beside,
		Checks: []check{
			{What: "applying", Is: h.rss.median(), Limit: 60, Unit: "MB", Known: true},
			{What: "per container", Is: own.median(), Limit: 1, Unit: "MB", Known: true},
		},
	}, nil
}

// held is the memory of a container, in MB: of what runs inside, and of what
// stands beside it on the host.
type held struct{ inside, beside float64 }

// holds is the mean over the containers of an LXC path that are up.
func holds(path string) (held, error) {
	monitors, inside, err := containers(path)
	if err != nil {
		return held{}, err
	}
	if len(monitors) == 0 {
		return held{}, fmt.Errorf("no container of %s runs: %w", path, os.ErrNotExist)
	}
	h := held{}
	if h.beside, err = memoryOf(monitors); err != nil {
		return h, err
	}
	h.inside, err = memoryOf(inside)
	n := float64(len(monitors))
	return held{h.inside / n, h.beside / n}, err
}
