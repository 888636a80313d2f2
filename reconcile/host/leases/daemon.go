package leases

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// account is who dnsmasq is when it has opened what only root may: its own
// user where the distribution made one. It has no shell.
type account struct {
	user, group string
	gid         int
}

func servant() account {
	for _, name := range []string{"dnsmasq", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		gid, _ := strconv.Atoi(u.Gid)
		if g, err := user.LookupGroupId(u.Gid); err == nil {
			return account{name, g.Name, gid}
		}
	}
	return account{"root", "root", 0}
}

// daemon is a dnsmasq that runs for a place.
type daemon struct {
	pid  int
	fd   int      // pidfd: what is done by it meets this process or none
	args []string // as the kernel has them
}

// daemons are all that run for the bridge, also for one of its name that is
// gone, or that an earlier strake, killed meanwhile, had started: dnsmasq itself
// writes its pid file before it serves.
func (p place) daemons() []daemon {
	files, _ := filepath.Glob(p.file("pid-*")) // the pattern is a good one
	var list []daemon
	for _, file := range files {
		if d, ok := daemonOf(file); ok {
			list = append(list, d)
		}
	}
	return list
}

// sweep deletes the pid files of those that have ended: dnsmasq may not do so
// any more by then.
func (p place) sweep(index int) {
	files, _ := filepath.Glob(p.file("pid-*"))
	for _, file := range files {
		if file != p.pidFile(index) {
			_ = os.Remove(file)
		}
	}
}

// daemonOf is the process that wrote the pid file. Pids are used again, so it
// has to name that file among its arguments, and to be in this network.
func daemonOf(file string) (daemon, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return daemon{}, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return daemon{}, false
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return daemon{}, false
	}
	d := daemon{pid: pid, fd: fd, args: arguments(pid)}
	if !slices.Contains(d.args, "--pid-file="+file) || !together(pid, "net") {
		d.close()
		return daemon{}, false
	}
	return d, true
}

func arguments(pid int) []string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // a process that is gone has none
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

// together says that a process is in our own namespace of a kind ("net", "mnt").
func together(pid int, kind string) bool {
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
	ours, err2 := os.Readlink("/proc/self/ns/" + kind)
	return err == nil && err2 == nil && theirs == ours
}

func (d daemon) close() { _ = unix.Close(d.fd) }

func (d daemon) signal(s unix.Signal) error {
	err := unix.PidfdSendSignal(d.fd, s, nil, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil // it has ended by itself
	}
	return os.NewSyscallError("pidfd_send_signal", err)
}

// end ends it and waits until it is gone.
func (d daemon) end() error {
	for _, s := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if err := d.signal(s); err != nil {
			return err
		}
		if d.gone(2 * time.Second) {
			return nil
		}
	}
	return fmt.Errorf("dnsmasq (pid %d) does not end", d.pid)
}

// gone waits for the end: a pidfd can be read from then on.
func (d daemon) gone(most time.Duration) bool {
	for deadline := time.Now().Add(most); ; {
		left := max(0, time.Until(deadline))
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		if err == nil || !errors.Is(err, unix.EINTR) {
			return n == 1
		}
	}
}

// end ends a dnsmasq; systemd would start its own again.
func (l *Leases) end(ctx context.Context, p place, d daemon) error {
	if m, ok := l.manager(); ok && p.within(d.pid) {
		m.stop(ctx, p)
	}
	return d.end()
}

// start returns when dnsmasq serves, or says why it does not. The standard
// input is the lock: it is let go of only when the pid file is written, so
// whoever comes after a strake that was killed here finds it.
func (l *Leases) start(ctx context.Context, lock *os.File, p place, index int, args []string) error {
	if l.dnsmasq == "" {
		return ErrNoDnsmasq
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, l.dnsmasq, args...)
	m, unit := l.manager()
	if unit {
		m.stop(ctx, p) // one that systemd is about to start again has the name
		_ = os.Remove(p.file("faults"))
		cmd = m.command(ctx, p, p.pidFile(index), p.file("faults"), cmd.Args)
	}
	cmd.Env = []string{"LC_ALL=C"}
	cmd.Dir = "/"
	cmd.Stdin = lock
	cmd.Stderr = &said
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if unit {
		m.stop(ctx, p) // it is not tried again behind our back
		fault, _ := os.ReadFile(p.file("faults"))
		said.Write(fault)
	}
	return fmt.Errorf("start dnsmasq: %w: %s", err, strings.TrimSpace(said.String()))
}
