package netdev

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
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

func open(t *testing.T) *Devices {
	t.Helper()
	return openAs(t, "i1", t.TempDir())
}

func openAs(t *testing.T, installation, record string) *Devices {
	t.Helper()
	d, err := Open(Options{Installation: installation, Record: record})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// namespace is the pid of a process with a network namespace of its own. It ends
// with the thread that began it, at the latest: one that does nothing else.
func namespace(t testing.TB) int {
	t.Helper()
	cmd := exec.Command("sleep", "3600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	begun, over := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		begun <- cmd.Start()
		<-over
	}()
	check(t, <-begun)
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		close(over)
	})
	return cmd.Process.Pid
}

func run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func within(t testing.TB, pid int, args ...string) string {
	t.Helper()
	return run(t, append([]string{"nsenter", "-t", strconv.Itoa(pid), "-n"}, args...)...)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// network makes a bridge that goes with the test.
func network(t *testing.T, d *Devices, n resource.Network) resource.Network {
	t.Helper()
	check(t, d.EnsureNetwork(t.Context(), n))
	t.Cleanup(func() { exec.Command("ip", "link", "del", n.Bridge).Run() })
	return n
}

func web() resource.Network {
	return resource.Network{
		Name: "web", Bridge: "stt-web", MAC: "02:5a:00:00:00:01",
		IPv4: "10.231.0.1/24", IPv6: "fd42:231::1/64",
	}
}

func eth0(device string) resource.NIC {
	return resource.NIC{
		Name: "eth0", Network: "web", Type: "bridged", Bridge: "stt-web", Device: device, MAC: "02:5a:00:00:00:02",
		IPv4: "10.231.0.2/24", IPv6: "fd42:231::2/64", Gateway4: "10.231.0.1", Gateway6: "fd42:231::1",
	}
}
