package filter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// TestMain runs the tests in a network and mount namespace of their own: what
// a test leaves behind goes with it.
func TestMain(m *testing.M) {
	if os.Getenv("STRAKE_TEST_OWN_NETWORK") == "1" {
		os.Exit(own(m))
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), "STRAKE_TEST_OWN_NETWORK=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "run in an own network namespace (needs root):", err)
		os.Exit(1)
	}
}

func own(m *testing.M) int {
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		fmt.Fprintln(os.Stderr, "make mounts private:", err)
		return 1
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		fmt.Fprintln(os.Stderr, "set lo up:", err, string(out))
		return 1
	}
	return m.Run()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// try says whether a command inside the namespace of pid succeeds.
func try(t testing.TB, pid int, args ...string) bool {
	t.Helper()
	cmd := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(pid), "-n"}, args...)...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return err == nil
}

// namespace is the pid of a process with a network namespace of its own.
func namespace(t testing.TB) int {
	t.Helper()
	cmd := exec.Command("sleep", "3600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	check(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd.Process.Pid
}

func opened(t testing.TB) *Filter {
	t.Helper()
	f := Open(Options{Table: "strake-stt", Lock: filepath.Join(t.TempDir(), "lock")})
	t.Cleanup(func() { check(t, f.Remove(context.Background())) })
	return f
}

func all() resource.Filter { return resource.Filter{MAC: true, IPv4: true, IPv6: true} }

// lan is a bridge with containers 2, 3, ... on it.
type lan struct {
	net  resource.Network
	nics []resource.NIC
	pids []int
}

func (l *lan) guard() resource.Guard {
	return resource.Guard{NICs: slices.Clone(l.nics), Networks: []resource.Network{l.net}}
}

// newLAN makes devices as the kernel would have them, without package netdev:
// adapters do not know each other. n is below 250.
func newLAN(t *testing.T, id, n int) *lan {
	t.Helper()
	l := &lan{net: resource.Network{
		Name: fmt.Sprintf("n%d", id), Bridge: fmt.Sprintf("stt%d", id),
		IPv4: fmt.Sprintf("10.23%d.0.1/24", id), IPv6: fmt.Sprintf("fd42:%d::1/64", id),
	}}
	br := l.net.Bridge
	run(t, "ip", "link", "add", br, "address", fmt.Sprintf("02:b0:00:00:00:%02x", id), "type", "bridge")
	t.Cleanup(func() { run(t, "ip", "link", "del", br) })
	run(t, "ip", "addr", "add", l.net.IPv4, "dev", br)
	run(t, "ip", "addr", "add", l.net.IPv6, "dev", br, "nodad")
	run(t, "ip", "link", "set", br, "up")
	for i := range n {
		l.plug(t, id, i+2)
	}
	return l
}

func (l *lan) plug(t *testing.T, id, i int) {
	t.Helper()
	n := resource.NIC{
		Name: "eth0", Type: "bridged", Bridge: l.net.Bridge, Device: fmt.Sprintf("stt%dv%d", id, i),
		MAC: fmt.Sprintf("02:00:00:00:%02x:%02x", id, i), IPv4: fmt.Sprintf("10.23%d.0.%d/24", id, i),
		IPv6: fmt.Sprintf("fd42:%d::%x/64", id, i), Filter: all(),
	}
	pid := namespace(t)
	run(t, "ip", "link", "add", n.Device, "type", "veth", "peer", "name", "eth0", "address", n.MAC, "netns", strconv.Itoa(pid))
	run(t, "ip", "link", "set", n.Device, "master", l.net.Bridge, "up")
	t.Cleanup(func() { run(t, "ip", "link", "del", n.Device) }) // a namespace takes its time to go
	in := []string{"nsenter", "-t", strconv.Itoa(pid), "-n"}
	run(t, append(in, "ip", "addr", "add", n.IPv4, "dev", "eth0")...)
	run(t, append(in, "ip", "addr", "add", n.IPv6, "dev", "eth0", "nodad")...)
	run(t, append(in, "ip", "link", "set", "eth0", "up")...)
	run(t, append(in, "ip", "route", "add", "default", "via", prefix(l.net.IPv4))...)
	run(t, append(in, "ip", "route", "add", "default", "via", prefix(l.net.IPv6))...)
	l.nics, l.pids = append(l.nics, n), append(l.pids, pid)
}

func prefix(s string) string {
	ip, _, _ := strings.Cut(s, "/")
	return ip
}

func itoa(n int) string { return strconv.Itoa(n) }
