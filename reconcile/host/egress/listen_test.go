package egress

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strake/reconcile/resource"
	"strake/reconcile/thread"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inside starts a process in a network namespace of its own, without any
// interface but its loopback, that ends with its standard input.
func inside(t *testing.T) (pid int, end func()) {
	t.Helper()
	c := exec.Command("cat")
	c.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	over := false
	end = func() {
		if !over {
			over = true
			in.Close()
			_ = c.Wait()
		}
	}
	t.Cleanup(end)
	return c.Process.Pid, end
}

// ask sends a request from within the namespace.
func ask(t *testing.T, pid int, at net.Addr) string {
	t.Helper()
	space, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer space.Close()
	var c net.Conn
	done := make(chan error)
	go thread.Apart(func() {
		err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			c, err = net.Dial("tcp", at.String())
		}
		done <- err
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
	out, err := io.ReadAll(c)
	if err != nil {
		t.Error(err)
	}
	return string(out)
}

// TestListen: a namespace without an interface gets a way out at its own
// loopback, and nothing is open outside; the socket goes with the namespace.
func TestListen(t *testing.T) {
	pid, end := inside(t)
	w := newWorld(t, Options{})
	l, err := Listen(pid, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.proxy.Serve("boxed", l)
	if out := ask(t, pid, l.Addr()); !strings.Contains(out, "403") {
		t.Errorf("from inside: %q", out)
	}
	w.noted("refusal", func(a Attempt) bool { return a.Container == "boxed" && a.Host == "a.test" && a.Rule == "no egress" })
	if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
		c.Close()
		t.Errorf("%s is open on the host", l.Addr())
	}
	if err := w.proxy.Set("boxed", []resource.Egress{{Name: "e", Mode: "enforce"}}, nil); err != nil {
		t.Fatal(err)
	}
	end()
	for len(w.proxy.Listeners()) > 1 { // that of the world stays
		time.Sleep(time.Millisecond)
	}
	if _, err := Listen(os.Getpid(), "127.0.0.1:0"); !errors.Is(err, ErrOwnNamespace) {
		t.Errorf("in the host's namespace: %v", err)
	}
	if _, err := Listen(pid, "127.0.0.1:0"); err == nil {
		t.Error("of a process that has ended")
	}
}

// pair is both ends of a connection as it is between two processes.
func pair(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.DialUnix("unixpacket", nil, l.Addr().(*net.UnixAddr)); err != nil {
		t.Fatal(err)
	}
	if b, err = l.AcceptUnix(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// TestHand: a successor takes all listeners over. Who asks meanwhile waits and
// is served; the one before ends when its connections have.
func TestHand(t *testing.T) {
	pid, end := inside(t)
	old, next := newWorld(t, Options{}), newWorld(t, Options{})
	l, err := Listen(pid, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr()
	old.proxy.Serve("boxed", l)
	echo := old.echo("127.0.0.2")
	old.name("e.test", "127.0.0.2")
	old.set(resource.Egress{Allow: []string{"e.test", "127.0.0.2"}, Ports: []int{echo}})
	c, r := old.connect("e.test:"+strconv.Itoa(echo), 200)

	a, b := pair(t)
	sent := make(chan error, 1)
	go func() {
		var all error
		for _, h := range old.proxy.Listeners() {
			all = errors.Join(all, Send(a, h))
		}
		sent <- errors.Join(all, SendEnd(a))
	}()
	var names []string
	for {
		h, err := Receive(b)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Container)
		next.proxy.Serve(h.Container, h.Listener)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if strings.Join(names, " ") != "boxed c" {
		t.Errorf("handed over: %v", names)
	}
	drained := make(chan error, 1)
	go func() { drained <- old.proxy.Drain(t.Context()) }()
	// Whichever of the two takes it, each is answered; in the end it is the next.
	for range 50 {
		if out := ask(t, pid, at); !strings.Contains(out, "403") {
			t.Errorf("from inside: %q", out)
		}
	}
	next.noted("refusal", func(a Attempt) bool { return a.Container == "boxed" })
	// A connection of before goes on meanwhile.
	if _, err := io.WriteString(c, "x"); err != nil {
		t.Error(err)
	}
	if _, err := r.ReadByte(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-drained:
		t.Errorf("drained with a connection open: %v", err)
	default:
	}
	c.Close()
	if err := <-drained; err != nil {
		t.Error(err)
	}
	// The pidfd has come along.
	before := len(next.proxy.Listeners())
	end()
	for len(next.proxy.Listeners()) == before {
		time.Sleep(time.Millisecond)
	}
}

// TestHandWrong: what is no whole message changes nothing.
func TestHandWrong(t *testing.T) {
	for name, text := range map[string]string{"no JSON": "x", "no descriptor": `{"container":"c"}`, "nobody": `{}`, "two": `{"container":"c","network":"n"}`} {
		a, b := pair(t)
		go func() { _, _ = a.Write([]byte(text)) }()
		if _, err := Receive(b); err == nil || err == io.EOF {
			t.Errorf("%s: %v", name, err)
		}
	}
	a, b := pair(t)
	go func() {
		f, _ := os.Open("/dev/null")
		defer f.Close()
		_ = send(a, label{Container: "c"}, int(f.Fd()))
	}()
	if _, err := Receive(b); err == nil {
		t.Error("a file is taken for a listener")
	}
}
