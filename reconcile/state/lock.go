package state

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"strake/generations"
)

// ErrBusy: another strake holds the lock.
var ErrBusy = errors.New("another strake is at work")

// Lock waits until no other process writes, at most for timeout. The kernel
// frees it when its holder dies, so it never has to be broken. others says whether
// another process may have had it since this one had.
func (d *Dir) Lock(ctx context.Context, timeout time.Duration) (unlock func(), others bool, err error) {
	whole := ctx
	if err := d.make(d.path); err != nil {
		return nil, false, err
	}
	f, err := os.OpenFile(filepath.Join(d.path, "lock"), os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("lock %s: %w", d.path, err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		select {
		case <-ctx.Done():
			said, _ := generations.ReadFile(f.Name())
			f.Close()
			if err := whole.Err(); err != nil {
				return nil, false, err
			}
			return nil, false, fmt.Errorf("%w: held by %s", ErrBusy, strings.TrimSpace(string(said)))
		case <-time.After(20 * time.Millisecond):
		}
	}
	before, _ := io.ReadAll(io.LimitReader(f, 1<<16))
	mine := holder()
	_ = f.Truncate(0)
	_, err = f.WriteAt([]byte(mine), 0)
	was := d.held.Swap(&mine)
	return func() { f.Close() }, err != nil || was == nil || *was != string(before), nil
}

// holder is what a lock says of who has it; no two say the same.
func holder() string {
	return fmt.Sprintf("pid %d (%s) since %s\n", os.Getpid(), strings.Join(unvalued(os.Args), " "), time.Now().Format(time.DateTime+".000000"))
}

// glances is how long somebody may take to look whether there is an agent.
const glances = 100 * time.Millisecond

// LockAgent makes this process the one agent of the folder, or fails with ErrBusy
// at once. The kernel frees it when its holder dies; what it says then is still there.
func (d *Dir) LockAgent() (unlock func(), err error) {
	if err := d.make(d.path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(d.path, "agent.lock"), os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s for an agent: %w", d.path, err)
	}
	late := time.Now().Add(glances)
	for err = flock(f); err != nil && time.Now().Before(late); err = flock(f) {
		time.Sleep(glances / 10)
	}
	if err != nil {
		said, _ := generations.ReadFile(f.Name())
		f.Close()
		return nil, fmt.Errorf("%w: the agent of %s is %s", ErrBusy, d.path, strings.TrimSpace(string(said)))
	}
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(holder()), 0)
	return func() {
		_ = f.Truncate(0)
		f.Close()
	}, nil
}

func flock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// LostAgent is what the agent that died said of itself; "" where none did: there
// is one, or it has ended as it was told to.
func (d *Dir) LostAgent() string {
	f, err := os.Open(filepath.Join(d.path, "agent.lock"))
	if err != nil {
		return ""
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil {
		return ""
	}
	said, _ := io.ReadAll(io.LimitReader(f, 1<<12))
	return strings.TrimSpace(string(said))
}

// unvalued leaves the values of options out: one of them may be a secret.
func unvalued(args []string) []string {
	words := make([]string, len(args))
	for i, a := range args {
		name, _, valued := strings.Cut(a, "=")
		if words[i] = name; valued {
			words[i] += "=..."
		}
	}
	return words
}

func (d *Dir) watchers() string { return filepath.Join(d.path, Unconfirmed, "watcher") }

// WatchLock waits for the turn to watch over runs that wait to be confirmed.
// The kernel ends it with its holder.
func (d *Dir) WatchLock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(d.watchers()), 0o700); err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	f, err := os.OpenFile(d.watchers(), os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	for syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(fmt.Sprintf("pid %d\n", os.Getpid())), 0)
	return func() { f.Close() }, nil
}

// Watched says whether somebody watches.
func (d *Dir) Watched() bool {
	f, err := os.OpenFile(d.watchers(), os.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}

// Boot identifies the time for which the host is up.
func Boot() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // Linux 2.6
	return strings.TrimSpace(string(id))
}
