//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// reap is how long the monitor may take to clean up after init has ended.
const reap = 30 * time.Second

// Stop asks init to shut down and waits until all of the container is gone, so
// that it can be started again at once. After timeout it is killed, which
// ErrKilled tells. A frozen container is thawed first. ErrNotRunning if there
// was nothing to stop.
func (r *Runtime) Stop(ctx context.Context, name string, timeout time.Duration) error {
	return r.onLive(ctx, "stop", name, func(l live) error {
		end, err := l.watch()
		if err != nil {
			return err
		}
		defer end.Close()
		if err := r.thaw(l); err != nil {
			return err
		}
		deadline := time.Now().Add(timeout)
		if err := l.halt(ctx, deadline); err != nil {
			return err
		}
		err = await(ctx, end, time.Until(deadline))
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if err := l.kill(ctx, end); err != nil {
			return err
		}
		return ErrKilled
	})
}

// Kill ends a container without asking it and waits until all of it is gone.
func (r *Runtime) Kill(ctx context.Context, name string) error {
	return r.onLive(ctx, "kill", name, func(l live) error {
		end, err := l.watch()
		if err != nil {
			return err
		}
		defer end.Close()
		return l.kill(ctx, end)
	})
}

func (l live) kill(ctx context.Context, end *os.File) error {
	if err := l.Container.Stop(); err != nil && l.Running() {
		return err
	}
	if err := await(ctx, end, reap); err != nil {
		return fmt.Errorf("wait for the monitor: %w", err)
	}
	return nil
}

// halt sends init the signal of its running configuration. The one on disk may
// be another generation's.
func (l live) halt(ctx context.Context, deadline time.Time) error {
	text := strings.Join(l.RunningConfigItem("lxc.signal.halt"), "")
	number, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("read lxc.signal.halt: %w", err)
	}
	if number == 0 {
		number = int(unix.SIGPWR) // liblxc's default
	}
	if err := l.init.listening(ctx, number, deadline); err != nil {
		return err
	}
	fd, err := l.InitPidFd()
	if err != nil {
		return fmt.Errorf("open init: %w", err)
	}
	defer fd.Close()
	if err := unix.PidfdSendSignal(int(fd.Fd()), unix.Signal(number), nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("signal init: %w", err)
	}
	return nil
}

// watch opens the monitor, init's parent. It ends after cgroups, interfaces
// and hooks are done with; a reboot from inside it survives.
func (l live) watch() (*os.File, error) {
	parent, _, err := l.init.stat()
	if err != nil {
		return nil, err
	}
	fd, err := unix.PidfdOpen(parent, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.ESRCH) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("open monitor: %w", err)
	}
	if again, _, err := l.init.stat(); err != nil || again != parent {
		unix.Close(fd)
		return nil, ErrNotRunning // init ended meanwhile: parent may be anyone
	}
	return os.NewFile(uintptr(fd), "monitor"), nil
}

// await waits until the process of a pidfd has ended: the descriptor is then
// readable. os.ErrDeadlineExceeded after timeout.
func await(ctx context.Context, pidfd *os.File, timeout time.Duration) error {
	if err := pidfd.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return fmt.Errorf("wait for the end: %w", err)
	}
	defer context.AfterFunc(ctx, func() { pidfd.SetReadDeadline(time.Unix(1, 0)) })()
	conn, err := pidfd.SyscallConn()
	if err != nil {
		return fmt.Errorf("wait for the end: %w", err)
	}
	err = conn.Read(ended)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func ended(fd uintptr) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n == 1
}
