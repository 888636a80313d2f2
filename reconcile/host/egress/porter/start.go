package porter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/thread"
)

// ErrNobody: no proxy runs, and nobody may start one.
var ErrNobody = errors.New("the egress proxy does not run")

// control is the process's socket in the folder.
const control = "control"

// dial connects to the process. The path goes by way of the folder's
// descriptor: that of a socket has at most 107 bytes (unix(7)).
func (p *Porter) dial() (*net.UnixConn, error) {
	path, done, err := short(p.o.Folder)
	if err != nil {
		return nil, err
	}
	defer done()
	return net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: path, Net: "unixpacket"})
}

func short(folder string) (path string, done func(), err error) {
	fd, err := unix.Open(folder, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, &os.PathError{Op: "open", Path: folder, Err: err}
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", fd, control), func() { _ = unix.Close(fd) }, nil
}

// reach is dial; where nobody answers the process is started. The lock is held.
func (p *Porter) reach(ctx context.Context) (*net.UnixConn, error) {
	c, err := p.dial()
	if err == nil || len(p.o.Command) == 0 {
		return c, notRunning(err)
	}
	if err := p.start(ctx); err != nil {
		return nil, err
	}
	c, err = p.dial()
	return c, notRunning(err)
}

func notRunning(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrNobody, err)
}

// start returns when the process answers, or says why it does not. It is to
// live on: it has a session of its own, and no cgroup of the container whose
// hook may have started it. What it says goes to a file.
func (p *Porter) start(ctx context.Context) error {
	ready, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	said, err := os.OpenFile(p.file("said"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		theirs.Close()
		return err
	}
	defer said.Close()
	cmd := exec.Command(p.o.Command[0], p.o.Command[1:]...)
	cmd.Env = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", said, said
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = startBound(cmd)
	theirs.Close()
	if err != nil {
		return fmt.Errorf("start the egress proxy: %w", err)
	}
	go cmd.Wait()
	stop := context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Now()) })
	defer stop()
	_ = ready.SetReadDeadline(time.Now().Add(mostStart))
	if _, err := io.ReadFull(ready, make([]byte, 1)); err != nil {
		text, _ := os.ReadFile(said.Name())
		return fmt.Errorf("start the egress proxy: %w: %s", err, strings.TrimSpace(string(text)))
	}
	return nil
}

// startBound starts a program that no other can give power to: what a thread
// is bound to (PR_SET_NO_NEW_PRIVS) goes to its children, and not to other threads.
func startBound(cmd *exec.Cmd) error {
	started := make(chan error, 1)
	go thread.Apart(func() {
		err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		if err == nil {
			err = cmd.Start()
		}
		started <- err
	})
	return <-started
}

// mostStart is how long it may take, on a host that is very busy.
const mostStart = 20 * time.Second

// isReady tells whoever started the process that it answers.
func isReady() {
	f := os.NewFile(3, "ready")
	if f == nil {
		return
	}
	if info, err := f.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		_, _ = f.Write([]byte{1})
	}
	_ = f.Close()
}

// leaveCgroup goes to the top of each hierarchy where the process was started
// within a container's: liblxc could not remove that one.
func leaveCgroup() {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		words := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(words) != 3 || !strings.Contains(words[2], "/lxc.") {
			continue
		}
		for _, top := range hierarchy(words[1]) {
			if os.WriteFile(filepath.Join(top, "cgroup.procs"), []byte("0"), 0) == nil {
				break
			}
		}
	}
}

// hierarchy is where one may be mounted.
func hierarchy(controllers string) []string {
	const top = "/sys/fs/cgroup"
	if controllers == "" {
		return []string{filepath.Join(top, "unified"), top}
	}
	return []string{filepath.Join(top, strings.TrimPrefix(controllers, "name="))}
}
