//go:build linux

package lxc

import (
	"bytes"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// hostname asks the kernel by uname(2) inside: /proc/sys/kernel/hostname shows
// the namespace of whoever opens it.
func (p *process) hostname() (string, error) {
	var name unix.Utsname
	if err := p.inUTS(func() error { return unix.Uname(&name) }); err != nil {
		return "", fmt.Errorf("read host name: %w", err)
	}
	text, _, _ := bytes.Cut(name.Nodename[:], []byte{0})
	return string(text), nil
}

func (p *process) setHostname(name string) error {
	if err := p.inUTS(func() error { return unix.Sethostname([]byte(name)) }); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	return nil
}

// inUTS runs f in the process's UTS namespace. Namespaces belong to threads:
// one that can't come back is given up, by leaving it locked.
func (p *process) inUTS(f func() error) error {
	theirs, err := p.open("ns/uts")
	if err != nil {
		return err
	}
	defer theirs.Close()
	ours, err := os.Open("/proc/thread-self/ns/uts")
	if err != nil {
		return fmt.Errorf("open our own namespace: %w", err)
	}
	defer ours.Close()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(theirs.Fd()), unix.CLONE_NEWUTS); err != nil {
			runtime.UnlockOSThread()
			done <- fmt.Errorf("enter namespace: %w", err)
			return
		}
		err := f()
		if unix.Setns(int(ours.Fd()), unix.CLONE_NEWUTS) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}
