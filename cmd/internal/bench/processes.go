package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one of those in the benchmark's own process namespace.
type process struct {
	pid, parent int
	command     string
}

func processes() ([]process, error) {
	list, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var all []process
	for _, dir := range list {
		p := process{}
		p.pid, _ = strconv.Atoi(filepath.Base(dir))
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		stat, err2 := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil || err2 != nil {
			continue // gone
		}
		p.command = string(bytes.TrimRight(bytes.ReplaceAll(line, []byte{0}, []byte{' '}), " "))
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // state, parent, ...
		p.parent, _ = strconv.Atoi(fields[1])
		all = append(all, p)
	}
	return all, nil
}

// containers are those of an LXC path that are up: the monitor of each, and
// what runs inside.
func containers(path string) (monitors, inside []process, err error) {
	all, err := processes()
	if err != nil {
		return nil, nil, err
	}
	in := map[int]bool{}
	for _, p := range all {
		if strings.HasPrefix(p.command, "[lxc monitor] "+path+" ") {
			monitors = append(monitors, p)
			in[p.pid] = true
		}
	}
	for found := true; found; { // a child may be listed before its parent
		found = false
		for _, p := range all {
			if in[p.parent] && !in[p.pid] {
				inside, found = append(inside, p), true
				in[p.pid] = true
			}
		}
	}
	return monitors, inside, nil
}

// killAll ends all containers of an LXC path; their monitors clean up.
func killAll(path string) error {
	monitors, inside, err := containers(path)
	if err != nil {
		return err
	}
	ours := map[int]bool{}
	for _, m := range monitors {
		ours[m.pid] = true
	}
	for _, p := range inside {
		if ours[p.parent] { // init: the kernel kills all others
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
	return until("containers end", time.Minute, func() bool {
		left, _, err := containers(path)
		return err == nil && len(left) == 0
	})
}

// memoryOf sums up, in MB, what processes hold: their proportional share of
// shared pages counts.
func memoryOf(list []process) (float64, error) {
	var kb float64
	for _, p := range list {
		n, err := pss(p.pid)
		if err != nil {
			return 0, err
		}
		kb += n
	}
	return kb / 1024, nil
}

func pss(pid int) (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "Pss:"); ok {
			return strconv.ParseFloat(strings.Fields(rest)[0], 64)
		}
	}
	return 0, fmt.Errorf("process %d has no memory", pid)
}
