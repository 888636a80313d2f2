package image

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

func stamp() time.Time { return time.Unix(1_234_567_890, 0) }

func TestBusyboxIsTheSameEachTime(t *testing.T) {
	a, b := store(t), store(t)
	one, two := ensure(t, a, "builtin:busybox"), ensure(t, b, "builtin:busybox")
	if one.Digest != two.Digest || one.Halt != "SIGUSR2" {
		t.Errorf("%+v and %+v", one, two)
	}
	got, ok, err := a.Resolve(t.Context(), resource.Image{Source: "builtin:busybox"})
	if err != nil || !ok || got.Digest != one.Digest {
		t.Errorf("resolved %+v, %v, %v", got, ok, err)
	}
}

// Another busybox on the machine is another image; none leaves the old one.
func TestBusyboxFollowsTheMachine(t *testing.T) {
	s := store(t)
	binary := filepath.Join(t.TempDir(), "busybox")
	text, err := os.ReadFile("/bin/busybox")
	must(t, err)
	must(t, os.WriteFile(binary, text, 0o755))
	s.busybox = []string{binary}
	before := ensure(t, s, "builtin:busybox")
	must(t, os.WriteFile(binary, append(text, "later"...), 0o755))
	if _, ok, err := s.Resolve(t.Context(), resource.Image{Source: "builtin:busybox"}); ok || err != nil {
		t.Errorf("the old one still counts: %v, %v", ok, err)
	}
	if after := ensure(t, s, "builtin:busybox"); after.Digest == before.Digest {
		t.Error("one digest for two busyboxes")
	}
	must(t, os.Remove(binary))
	if _, ok, err := s.Resolve(t.Context(), resource.Image{Source: "builtin:busybox"}); !ok || err != nil {
		t.Errorf("without busybox: %v, %v", ok, err)
	}
}

// inside runs a command with the tree as its root, in namespaces of its own.
func inside(ctx context.Context, root string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child",
		"--root", root, "--wd", "/", "--mount-proc", "--"}, args...)...)
	cmd.Env = []string{"container=lxc"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func TestBusyboxLogins(t *testing.T) {
	s := store(t)
	root := s.Path(ensure(t, s, "builtin:busybox").Digest)
	write(t, filepath.Join(root, "etc/environment"), "# c\nPLAIN=one two\nQUOTED=\"it's $HOME 100% \\n\"\nexport EXP='x'\nbad key=1\n")
	write(t, filepath.Join(root, "etc/profile.d/x.sh"), "export FROM_PROFILE=yes\n")
	script := `printf '%s|' "$PLAIN" "$QUOTED" "$EXP" "$FROM_PROFILE" "$(id -u)"`
	out, err := inside(t.Context(), root, "/bin/su", "-l", "root", "-c", script).CombinedOutput()
	if want := "one two|it's $HOME 100% \\n|x|yes|0|"; err != nil || string(out) != want {
		t.Errorf("su: %q, want %q, %v", out, want, err)
	}
	if said := login(t, root, "echo in=$FROM_PROFILE $(id -un); exit\n"); !strings.Contains(said, "in=yes root") {
		t.Errorf("login: %q", said)
	}
	// su is set-uid root, and nothing else of busybox is.
	out, err = inside(t.Context(), root, "/bin/su", "-s", "/bin/sh", "nobody", "-c", "id -u; cat /etc/shadow").CombinedOutput()
	if err == nil || !strings.HasPrefix(string(out), "65534\n") || strings.Contains(string(out), "root:*") {
		t.Errorf("as nobody: %q, %v", out, err)
	}
}

// login logs root in on a terminal of its own and types.
func login(t *testing.T, root, typed string) string {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	defer master.Close()
	must(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	must(t, err)
	slave, err := os.OpenFile("/dev/pts/"+itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	cmd := inside(ctx, root, "/bin/login", "-f", "root")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = true, true
	must(t, cmd.Start())
	must(t, slave.Close()) // then reading ends with the last process on the terminal
	var said []byte
	for buffer := make([]byte, 4096); ; {
		n, err := master.Read(buffer)
		if err != nil {
			break
		}
		said = append(said, buffer[:n]...)
		if typed != "" && bytes.Contains(said, []byte("# ")) { // login drops what is typed before its prompt
			_, err := master.WriteString(typed)
			must(t, err)
			typed = ""
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("login: %v", err)
	}
	return string(said)
}

// Left to itself, init waits two seconds for what it told to end. The best of
// several counts: a busy machine makes one slow, and none too quick.
func TestBusyboxHaltsAtOnce(t *testing.T) {
	s := store(t)
	root := s.Path(ensure(t, s, "builtin:busybox").Digest)
	// A service without children: one that is forked just when the signal comes may miss it.
	write(t, filepath.Join(root, "etc/init.d/S1"), "#!/bin/sh\nsh -c 'trap \"echo bye >/root/bye; exit\" TERM; echo >/root/up; while :; do read x </root/never; done' 0<>/root/never &\n")
	must(t, os.Chmod(filepath.Join(root, "etc/init.d/S1"), 0o755))
	must(t, unix.Mkfifo(filepath.Join(root, "root/never"), 0o600))
	for _, c := range []struct {
		signal syscall.Signal
		ends   string
	}{{syscall.SIGUSR2, "interrupt"}, {syscall.SIGINT, "hangup"}} { // how the kernel ends a namespace: halted, rebooted
		best := time.Hour
		for try := 0; try < 5 && best > 700*time.Millisecond; try++ {
			best = min(best, halt(t, root, c.signal, c.ends))
		}
		if t.Logf("%v: halted after %v", c.signal, best); best > 700*time.Millisecond {
			t.Errorf("%v: halted after %v at best", c.signal, best)
		}
	}
}

// halt starts the system, sends its init a signal and tells how long it took to end.
func halt(t *testing.T, root string, signal syscall.Signal, ends string) time.Duration {
	t.Helper()
	_, _ = os.Remove(filepath.Join(root, "root/up")), os.Remove(filepath.Join(root, "root/bye"))
	cmd := inside(t.Context(), root, "/sbin/init")
	must(t, cmd.Start())
	init := waitInit(t, cmd.Process.Pid, filepath.Join(root, "root/up"))
	began := time.Now()
	must(t, syscall.Kill(init, signal))
	err := cmd.Wait()
	took := time.Since(began)
	if err == nil || !strings.Contains(err.Error(), ends) {
		t.Errorf("%v: ended with %v, want %s", signal, err, ends)
	}
	if _, err := os.Stat(filepath.Join(root, "root/bye")); err != nil {
		t.Errorf("%v: its service was not asked to end: %v", signal, err)
	}
	return took
}

// waitInit waits until the system is up and returns the pid of its init.
func waitInit(t *testing.T, parent int, up string) int {
	t.Helper()
	for range 500 {
		if _, err := os.Stat(up); err == nil {
			text, err := os.ReadFile(filepath.Join("/proc", itoa(parent), "task", itoa(parent), "children"))
			must(t, err)
			return atoi(t, strings.TrimSpace(string(text)))
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the system does not come up")
	return 0
}

func itoa(n int) string { return strconv.Itoa(n) }

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}
