//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a helper that was asked to end may go on.
const patience = 5 * time.Second

// helper is one call of our own binary that is caught in helper.c.
type helper struct {
	request []string // after the magic word
	stdio   [3]*os.File
}

// call runs the helper and returns the word it left with. The log is what
// liblxc said.
func (h helper) call(ctx context.Context) (word string, log []byte, err error) {
	request, err := memory("request", strings.Join(append([]string{"strake-lxc-1"}, h.request...), "\x00")+"\x00")
	if err != nil {
		return "", nil, err
	}
	defer request.Close()
	journal, err := memory("log", "")
	if err != nil {
		return "", nil, err
	}
	defer journal.Close()
	word, err = h.exec(ctx, request, journal)
	if err != nil {
		return "", nil, err
	}
	log, err = io.ReadAll(io.NewSectionReader(journal, 0, 1<<20))
	if err != nil {
		return "", nil, fmt.Errorf("read what liblxc said: %w", err)
	}
	return word, log, hush(journal)
}

// exec starts the helper and waits for its end. It is tied to this thread so
// that the helper, and a command it runs, end when this process does.
func (h helper) exec(ctx context.Context, request, journal *os.File) (string, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return "", fmt.Errorf("make a pipe: %w", err)
	}
	defer ours.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := h.command(ctx)
	cmd.ExtraFiles = []*os.File{request, theirs, journal}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return "", fmt.Errorf("start helper: %w", err)
	}
	word, readErr := io.ReadAll(ours) // ends with the helper: the monitor closes what it inherits
	err = cmd.Wait()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err = errors.Join(err, readErr); err != nil {
		return "", fmt.Errorf("helper: %w", err)
	}
	return string(word), nil
}

func (h helper) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe") // this very binary, also after an upgrade
	cmd.Args = []string{"strake-lxc"}
	cmd.Env = []string{"STRAKE_LXC_HELPER=1"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	for i, at := range []*io.Writer{&cmd.Stdout, &cmd.Stderr} {
		if f := h.stdio[i+1]; f != nil {
			*at = f
		}
	}
	if h.stdio[0] != nil {
		cmd.Stdin = h.stdio[0]
	}
	return cmd
}

// memory is an unlinked file in memory that can be sealed.
func memory(name, text string) (*os.File, error) {
	fd, err := unix.MemfdCreate("strake-"+name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return nil, fmt.Errorf("write to a file in memory: %w", err)
	}
	return f, nil
}

// hush empties the log and lets it grow no more. The monitor holds it for life
// and would add 15 KB whenever the container reboots itself.
func hush(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("empty the log: %w", err)
	}
	_, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	if err != nil {
		return fmt.Errorf("seal the log: %w", err)
	}
	return nil
}

// failure turns the word that a helper left with into an error.
func failure(word string, log []byte) error {
	switch word {
	case "running":
		return ErrRunning
	case "stopped":
		return ErrNotRunning
	case "undefined":
		return ErrUndefined
	}
	if text := reasons(log); text != "" {
		return errors.New(text)
	}
	return fmt.Errorf("liblxc gave no reason (%s)", strconv.Quote(word))
}
