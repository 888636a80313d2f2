//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// said runs a command and returns its exit code and all that it printed.
func (g *ground) said(name string, c Command) (int, string) {
	g.Helper()
	out, err := os.CreateTemp(g.TempDir(), "out")
	must(g, err)
	defer out.Close()
	c.Stdout, c.Stderr = out, out
	code, err := g.Runtime.Run(g.Context(), name, c)
	must(g, err)
	text, err := os.ReadFile(out.Name())
	must(g, err)
	return code, string(text)
}

func script(text string) Command {
	return Command{Args: []string{"/bin/sh", "-c", text}, Env: map[string]string{"PATH": "/bin:/sbin"}}
}

func TestRunExitCodes(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	for text, want := range map[string]int{
		"exit 0": 0, "exit 7": 7, "exit 255": 255,
		"kill -9 $$": 137, "kill -TERM $$": 143,
	} {
		if code, _ := g.said(name, script(text)); code != want {
			t.Errorf("%s: %d", text, code)
		}
	}
	if code, out := g.said(name, Command{Args: []string{"nothing-like-that"}}); code != 127 || !strings.Contains(out, "nothing-like-that") {
		t.Errorf("no such program: %d %q", code, out)
	}
	if code, _ := g.said(name, Command{Args: []string{"/etc/passwd"}}); code != 126 {
		t.Errorf("no program: %d", code)
	}
	if _, err := g.Runtime.Run(t.Context(), name, Command{}); err == nil {
		t.Error("no command is taken")
	}
	must(t, g.Stop(t.Context(), name, 20*time.Second))
	if _, err := g.Runtime.Run(t.Context(), name, script("exit 0")); !errors.Is(err, ErrNotRunning) {
		t.Errorf("in a stopped one: %v", err)
	}
}

func TestRunEnvironmentIsExact(t *testing.T) {
	g, name := newGround(t), fresh()
	t.Setenv("STT_SECRET", "of the host")
	c := container(name)
	c.Environment = map[string]string{"INIT": "only"}
	g.up(c)
	env := map[string]string{"A": "two words", "B": "x=y\nz", "LD_PRELOAD": "/none.so"}
	_, out := g.said(name, Command{Args: []string{"/bin/env"}, Env: env})
	if want := "container=lxc\nA=two words\nB=x=y\nz\nLD_PRELOAD=/none.so\n"; out != want {
		t.Errorf("environment:\n%swant:\n%s", out, want)
	}
}

func TestRunPlace(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	c := script("pwd; id -u; id -g; hostname; cat /proc/self/cgroup | sort -u -t: -k3 | cut -d: -f3")
	c.Dir, c.User = "/etc", &User{UID: 7, GID: 9}
	_, out := g.said(name, c)
	if want := "/etc\n7\n9\n" + name + "\n"; !strings.HasPrefix(out, want) {
		t.Errorf("%q does not begin with %q", out, want)
	}
	if !strings.HasSuffix(out, "\n/\n/.lxc\n") { // v1, and liblxc's own leaf in cgroup2
		t.Errorf("not in the container's cgroups: %q", out)
	}
	leak, err := unix.Dup(0) // open over exec, as what a careless caller left us is
	must(t, err)
	defer unix.Close(leak)
	_, out = g.said(name, script("ls /proc/self/fd | xargs"))
	if strings.TrimSpace(out) != "0 1 2 3" { // 3 is ls's own
		t.Errorf("descriptors: %s", out)
	}
	_, out = g.said(name, script("cat </dev/tty"))
	if !strings.Contains(out, "/dev/tty") {
		t.Errorf("has a controlling terminal: %q", out)
	}
}

func TestRunPipes(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	in, feed, err := os.Pipe()
	must(t, err)
	out, theirs, err := os.Pipe()
	must(t, err)
	go func() {
		io.WriteString(feed, strings.Repeat("line\n", 50000)) // more than a pipe holds
		feed.Close()
	}()
	got := make(chan string)
	go func() {
		text, _ := io.ReadAll(out)
		got <- string(text)
	}()
	c := Command{Args: []string{"/bin/wc", "-l"}, Stdin: in, Stdout: theirs}
	code, err := g.Runtime.Run(t.Context(), name, c)
	must(t, err)
	theirs.Close()
	if text := strings.TrimSpace(<-got); code != 0 || text != "50000" {
		t.Errorf("%d %q", code, text)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err := g.Runtime.Run(ctx, name, Command{Args: []string{"/bin/sleep", "1000"}})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 4*time.Second {
		t.Errorf("after %s: %v", time.Since(begun), err)
	}
	eventually(t, "the command is gone", func() bool {
		_, out := g.said(name, script("ps | grep -c '[s]leep 1000'"))
		return strings.TrimSpace(out) == "0"
	})
}

// Commands in parallel from a process with many threads that allocate.
func TestRunInParallel(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	stop := make(chan bool)
	for range 2 * runtime.NumCPU() {
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = make([]byte, 1<<16)
					time.Sleep(100 * time.Microsecond)
				}
			}
		}()
	}
	defer close(stop)
	each(t, make([]string, 40), func(string) error {
		code, err := g.Runtime.Run(t.Context(), name, script("exit 3"))
		if code != 3 {
			t.Errorf("exit %d", code)
		}
		return err
	})
}

func TestRunTTY(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	in, feed, err := os.Pipe()
	must(t, err)
	out, theirs, err := os.Pipe()
	must(t, err)
	c := script("tty; test -t 2 && echo terminal; head -n 1 </dev/tty; exit 5")
	c.TTY, c.Stdin, c.Stdout = true, in, theirs
	io.WriteString(feed, "typed\n")
	defer feed.Close()
	code, err := g.Runtime.Run(t.Context(), name, c)
	must(t, err)
	theirs.Close()
	text, err := io.ReadAll(out)
	must(t, err)
	for want, times := range map[string]int{"/dev/pts/": 1, "terminal\r\n": 1, "typed\r\n": 2} { // the echo, and what head read
		if strings.Count(string(text), want) != times {
			t.Errorf("not %d times %q in %q", times, want, text)
		}
	}
	if code != 5 {
		t.Errorf("exit %d", code)
	}
}

// An interrupt that is typed reaches the command, not us.
func TestRunTTYInterrupt(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	in, feed, err := os.Pipe()
	must(t, err)
	out, theirs, err := os.Pipe()
	must(t, err)
	c := script("trap 'exit 9' INT; echo ready; while :; do sleep 0.1; done")
	c.TTY, c.Stdin, c.Stdout = true, in, theirs
	go func() {
		out.Read(make([]byte, 100))
		feed.Write([]byte{3})
		io.Copy(io.Discard, out)
	}()
	code, err := g.Runtime.Run(t.Context(), name, c)
	if err != nil || code != 9 {
		t.Error(code, err)
	}
}

// The container gets the size of our terminal, and ours is as it was after.
func TestRunTTYSizeAndMode(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	devpts, err := os.Open("/dev/pts")
	must(t, err)
	defer devpts.Close()
	host, err := openTerminal(devpts, 0)
	must(t, err)
	defer host.close()
	must(t, unix.IoctlSetWinsize(int(host.theirs.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 111}))
	before, err := unix.IoctlGetTermios(int(host.theirs.Fd()), unix.TCGETS)
	must(t, err)
	out, theirs, err := os.Pipe()
	must(t, err)
	c := script("sleep 0.2; stty size")
	c.TTY, c.Stdin, c.Stdout = true, host.theirs, theirs
	_, err = g.Runtime.Run(t.Context(), name, c)
	must(t, err)
	theirs.Close()
	text, err := io.ReadAll(out)
	must(t, err)
	if !strings.Contains(string(text), "33 111") {
		t.Errorf("size: %q", text)
	}
	after, err := unix.IoctlGetTermios(int(host.theirs.Fd()), unix.TCGETS)
	must(t, err)
	if *before != *after {
		t.Error("the terminal is not as it was")
	}
}
