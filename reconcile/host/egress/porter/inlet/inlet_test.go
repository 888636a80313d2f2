package inlet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/host/egress"
)

// elsewhere is a process in a network namespace of its own.
func elsewhere(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process.Pid
}

// echo answers within the namespace with what it got, when all of that is there.
func echo(t *testing.T, pid int, at string) int {
	t.Helper()
	l, err := egress.Listen(pid, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				all, _ := io.ReadAll(c)
				fmt.Fprintf(c, "%s from %s", all, c.RemoteAddr().(*net.TCPAddr).IP)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func inlet(t *testing.T, s *Seeds, to int) *Inlet {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	i := Open(l.(*net.TCPListener), s, to)
	t.Cleanup(i.Close)
	return i
}

func ask(t *testing.T, i *Inlet) (string, error) {
	t.Helper()
	c, err := net.Dial("tcp", i.Listener().Addr().String())
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, "hello"); err != nil {
		return "", err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return "", err
	}
	all, err := io.ReadAll(c)
	return string(all), err
}

func TestInlet(t *testing.T) {
	pid := elsewhere(t)
	planted, err := Plant(pid)
	if err != nil {
		t.Fatal(err)
	}
	s := Sown(planted.Sockets())
	defer s.Close()
	for at, want := range map[string]string{"127.0.0.1:0": "hello from 127.0.0.1", "[::1]:0": "hello from ::1"} {
		i := inlet(t, s, echo(t, pid, at))
		got := make(chan error)
		const many = 50
		for range many {
			go func() {
				text, err := ask(t, i)
				if text != want {
					err = errors.Join(err, fmt.Errorf("answer is %q, want %q", text, want))
				}
				got <- err
			}()
		}
		for range many {
			if err := <-got; err != nil {
				t.Error(err)
			}
		}
	}
	if text, err := ask(t, inlet(t, s, 9)); err == nil {
		t.Errorf("a port where nobody listens answers %q", text)
	}
	if text, err := exec.Command("nsenter", "--target", fmt.Sprint(pid), "--net", "ss", "-Htln").Output(); err != nil || strings.Count(string(text), "\n") != 2 {
		t.Errorf("inside listens %s: %v", text, err)
	}
}

func TestInletEnds(t *testing.T) {
	pid := elsewhere(t)
	s, err := Plant(pid)
	if err != nil {
		t.Fatal(err)
	}
	i := inlet(t, s, echo(t, pid, "127.0.0.1:0"))
	under := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", i.Listener().Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "hello")
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		return c
	}
	c := under()
	defer c.Close()
	for entered := false; !entered; {
		i.mu.Lock()
		entered = len(i.under) == 1
		i.mu.Unlock()
	}
	drained := make(chan struct{})
	go func() { i.Drain(context.Background()); close(drained) }()
	for {
		late, err := net.Dial("tcp", i.Listener().Addr().String())
		if errors.Is(err, unix.ECONNREFUSED) {
			break
		}
		if err == nil {
			late.Close()
		}
	}
	_ = c.(*net.TCPConn).CloseWrite()
	if all, err := io.ReadAll(c); err != nil || string(all) != "hello from 127.0.0.1" {
		t.Errorf("what was under way ends with %q: %v", all, err)
	}
	<-drained

	i = inlet(t, s, echo(t, pid, "127.0.0.1:0"))
	c = under()
	defer c.Close()
	i.Close()
	if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a connection outlives its inlet")
	}
	s.Close()
	if _, err := s.Dial(context.Background(), 80); !errors.Is(err, errGone) {
		t.Errorf("dial without sockets: %v", err)
	}
	if _, err := Plant(os.Getpid()); !errors.Is(err, egress.ErrOwnNamespace) {
		t.Errorf("plant in the host's own namespace: %v", err)
	}
}
