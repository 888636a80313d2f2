package main

import (
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
	if y.peer != nil {
		if _, err := y.peer.launch("busybox", name); err != nil {
			return nil, err
		}
		if err := quiet(y.peer.command("lxc", "exec", name, "--", "dd", "if=/dev/urandom", "of=/root/bulk", "bs=1M", "count="+bulk)); err != nil {
			return nil, err
		}
	}
	if err := y.repeat(d.sample); err != nil {
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

// sample writes the data anew, freezes them, writes over them and goes back.
func (d *datas) sample(i int) error {
	if err := sample(&d.plain, d.timed("restart", d.name)); err != nil {
		return err
	}
	if err := d.inside("dd", "if=/dev/urandom", "of=/root/bulk", "bs=1M", "count="+bulk); err != nil {
		return err
	}
	if err := sample(&d.freeze, d.timed("snapshot", "--yes", d.name)); err != nil {
		return err
	}
	if err := d.inside("dd", "if=/dev/urandom", "of=/root/bulk", "bs=1M", "count="+bulk); err != nil {
		return err
	}
	shot := fmt.Sprint(2 + 3*i) // each sample makes three: the snapshot, what goes on, and where it goes back to
	if err := sample(&d.back, d.timed("rollback", "--yes", "--with-data", d.name, shot)); err != nil {
		return err
	}
	if d.peer == nil {
		return nil
	}
	err := sample(&d.shot, func() (time.Duration, error) {
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
