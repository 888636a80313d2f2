package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// yard is where the rows are measured.
type yard struct {
	task
	floor *floor
	peer  *peer // nil: no LXD
	ships int
	load  string // average of the last minute before it began: others at work spoil it
	among figure // a live rollback of one container among many
}

// work measures all rows that are wanted and writes the table.
func work() error {
	y := yard{}
	if err := json.Unmarshal([]byte(os.Getenv(orders)), &y.task); err != nil {
		return err
	}
	if err := os.Setenv("TMPDIR", y.Dir); err != nil {
		return err
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	y.load, _, _ = strings.Cut(string(load), " ")
	if y.floor, err = newFloor(y.Dir); err != nil {
		return err
	}
	if y.peer, err = newPeer(y.task); err != nil {
		return err
	}
	defer y.peer.end()
	rows, err := y.measure()
	if err != nil {
		return err
	}
	return publish(y.Options, y.machine(), rows)
}

func (y *yard) measure() ([]row, error) {
	var all []row
	for _, part := range []struct {
		rows []int
		run  func() ([]row, error)
	}{
		{[]int{1}, y.one},
		{[]int{2, 3, 6}, y.hundred},
		{[]int{4}, y.live},
		{[]int{5}, y.restart},
		{[]int{7}, y.scale},
		{[]int{8}, y.layered},
		{[]int{9, 10}, y.guarded},
		{[]int{11}, y.data},
		{[]int{12}, y.ready},
		{[]int{13}, y.unpacked},
		{[]int{14}, y.shared},
		{[]int{15, 16, 17, 18}, y.egress},
	} {
		if !y.Options.wants(part.rows...) {
			continue
		}
		begin := time.Now()
		rows, err := part.run()
		if err != nil {
			return nil, fmt.Errorf("rows %v: %w", part.rows, err)
		}
		fmt.Fprintf(os.Stderr, "bench: rows %v took %s\n", part.rows, time.Since(begin).Round(time.Second))
		all = append(all, rows...)
	}
	return all, nil
}

// ship makes a fresh installation.
func (y *yard) ship() (*ship, error) {
	y.ships++
	return newShip(y.task, filepath.Join(y.Dir, fmt.Sprintf("ship%d", y.ships)))
}

// repeat calls f as often as samples are wanted.
func (y *yard) repeat(f func(i int) error) error {
	for i := range y.Options.Runs {
		if err := f(i); err != nil {
			return fmt.Errorf("sample %d: %w", i+1, err)
		}
	}
	return nil
}

// beside calls ours as often, and then, where LXD is there, its part of it, which
// begins with launch where that is not nil. What LXD runs and deletes keeps the
// machine at work for a while, which is not to be in our samples.
func (y *yard) beside(ours func(i int) error, launch func() error, peers func(i int) error) error {
	if err := y.repeat(ours); err != nil || y.peer == nil {
		return err
	}
	if launch != nil {
		if err := launch(); err != nil {
			return err
		}
	}
	return y.repeat(peers)
}

// rest is how long the machine has to itself before each measurement: the
// kernel takes its time to clean up after the container of the one before.
const rest = 300 * time.Millisecond

// sample runs a measurement and keeps its time. What others have written is
// on disk by then: LXD copies a whole image for each container, and whoever
// calls fsync next would wait for that.
func (t task) sample(f *figure, run func() (time.Duration, error)) error {
	unix.Sync()
	time.Sleep(rest)
	if err := t.wake(); err != nil {
		return err
	}
	d, err := run()
	if err == nil {
		f.add(d)
	}
	return err
}

// wake runs the programs that are measured, to no purpose. The host of a virtual
// machine takes away what that does not use: after a third of a second of rest, the
// first touch of each page cost what otherwise the whole program did, which says
// more of the host, and of a program's size, than of its work.
func (t task) wake() error {
	for range 3 {
		for _, program := range []string{t.Options.Strake, "lxc-start", "lxc-stop", "lxc-ls"} {
			if err := quiet(exec.Command(program, "--version")); err != nil {
				return err
			}
		}
	}
	return nil
}
