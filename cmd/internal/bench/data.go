package main

import (
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// bulk is what the writable layer holds, in MiB.
const bulk = "1024"

// data is row 11: what it costs, beyond a restart, to freeze a gigabyte and to
// go back to it.
func (y *yard) data() ([]row, error) {
	s, err := y.ship()
	if err != nil {
		return nil, err
	}
	name := prefix + "d"
	d := datas{
		yard: y, ship: s, name: name,
		freeze: figure{What: "`strake snapshot`, with a stop", Unit: "s"},
		back:   figure{What: "`strake rollback --with-data`", Unit: "s"},
		plain:  figure{What: "`strake restart`", Unit: "s"},
		shot:   figure{What: "`lxc snapshot`", Unit: "s"},
		lxd:    figure{What: "`lxc restore`", Unit: "s"},
	}
	if _, err := s.apply(stack{[]wish{{name: name}}}); err != nil {
		return nil, err
	}
	round := func(i int) error { return errors.Join(d.round(2*i), d.round(2*i+1)) } // an init's end differs by as much as is allowed here
	if err := y.beside(round, d.launch, d.peers); err != nil {
		return nil, err
	}
	return []row{{
		Number: 11, Work: "freeze of 1 GiB of data at a restart; rollback `--with-data` of it", Must: "<= 20 ms over the plain restart",
		Strake: []figure{d.freeze, d.back}, Beside: []figure{d.plain, d.shot, d.lxd},
		Checks: []check{d.over("freeze, over the restart", d.freeze), d.over("rollback, over the restart", d.back)},
	}}, y.done(s, name)
}

type datas struct {
	*yard
	ship         *ship
	name         string
	freeze, back figure
	plain        figure
	shot, lxd    figure
}

func (d *datas) over(what string, f figure) check {
	return check{What: what, Is: (f.median() - d.plain.median()) * 1000, Limit: 20, Unit: "ms", Known: true}
}

// round restarts, freezes and goes back, each with data that were just written. They
// are written over, as a file that is cut off first gives a gigabyte of blocks back:
// where the file system tells the disk so (discard), each fsync waits for that.
func (d *datas) round(i int) error {
	shot := fmt.Sprint(2 + 3*i) // each sample makes three: the snapshot, what goes on, and where it goes back to
	for _, of := range []struct {
		into *figure
		args []string
	}{
		{&d.plain, []string{"restart", d.name}},
		{&d.freeze, []string{"snapshot", "--yes", d.name}},
		{&d.back, []string{"rollback", "--yes", "--with-data", d.name, shot}},
	} {
		if err := d.inside("dd", "if=/dev/urandom", "of=/root/bulk", "bs=1M", "count="+bulk, "conv=notrunc"); err != nil {
			return err
		}
		if err := d.sample(of.into, d.timed(of.args...)); err != nil {
			return err
		}
	}
	return nil
}

// launch has LXD make a container with as much in it.
func (d *datas) launch() error {
	if _, err := d.peer.launch("busybox", d.name); err != nil {
		return err
	}
	return quiet(d.peer.command("lxc", "exec", d.name, "--", "dd", "if=/dev/urandom", "of=/root/bulk", "bs=1M", "count="+bulk))
}

// peers has LXD do it.
func (d *datas) peers(int) error {
	err := d.sample(&d.shot, func() (time.Duration, error) {
		u, err := timed(d.peer.command("lxc", "snapshot", d.name, "before"))
		return u.wall, err
	})
	if err == nil {
		err = d.restores(&d.lxd, d.name)
	}
	if err == nil {
		err = quiet(d.peer.command("lxc", "delete", d.name+"/before"))
	}
	return err
}

func (d *datas) timed(args ...string) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		u, err := timed(d.ship.command(args...))
		return u.wall, err
	}
}

func (d *datas) inside(args ...string) error {
	return quiet(exec.Command("lxc-attach", append([]string{"-P", d.ship.lxc(), "-n", d.name, "--clear-env", "--"}, args...)...))
}
