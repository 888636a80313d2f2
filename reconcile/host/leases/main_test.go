package leases

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"strake/reconcile/resource"
)

// TestMain runs the tests in a network namespace of their own: what a test
// leaves behind goes with it.
func TestMain(m *testing.M) {
	if os.Getenv("STRAKE_TEST_OWN_NETWORK") == "1" {
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			fmt.Fprintln(os.Stderr, "set lo up:", err, string(out))
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), "STRAKE_TEST_OWN_NETWORK=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "run in an own network namespace (needs root):", err)
		os.Exit(1)
	}
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

// opened has its folder where dnsmasq, which is not root, may go.
func opened(t *testing.T) *Leases {
	t.Helper()
	top, err := os.MkdirTemp("", "strake-leases")
	check(t, err)
	check(t, os.Chmod(top, 0o711))
	l := Open(Options{Folder: filepath.Join(top, "leases")})
	t.Cleanup(func() {
		check(t, l.Set(context.Background(), resource.Guard{}))
		check(t, os.RemoveAll(top))
	})
	return l
}

const bridge = "sttl0"

func lan() resource.Network {
	return resource.Network{Name: "lan", Bridge: bridge, IPv4: "10.233.0.1/24", IPv6: "fd42:33::1/64", DHCP: true, DNS: true}
}

func guests() []resource.Guest {
	return []resource.Guest{
		{Name: "db", Bridge: bridge, MAC: "02:00:00:00:33:03", IPv4: []string{"10.233.0.3"}, IPv6: []string{"fd42:33::3"}, Gateway4: "10.233.0.9"},
		{Name: "web", Bridge: bridge, MAC: "02:00:00:00:33:02", IPv4: []string{"10.233.0.2", "10.233.0.22"}, IPv6: []string{"fd42:33::2"}},
	}
}

func guard() resource.Guard {
	return resource.Guard{Networks: []resource.Network{lan()}, Guests: guests()}
}

// newBridge makes it as package netdev does.
func newBridge(t *testing.T) {
	t.Helper()
	makeBridge(t)
	t.Cleanup(func() { run(t, "ip", "link", "del", bridge) })
}

func makeBridge(t *testing.T) {
	t.Helper()
	run(t, "ip", "link", "add", bridge, "type", "bridge")
	run(t, "ip", "addr", "add", lan().IPv4, "dev", bridge)
	run(t, "ip", "addr", "add", lan().IPv6, "dev", bridge, "nodad")
	run(t, "ip", "addr", "add", "fe80::1/64", "dev", bridge, "nodad")
	run(t, "ip", "link", "set", bridge, "up")
}

// plug is the pid of a process with eth0 on the bridge.
func plug(t *testing.T, device, mac string) int {
	t.Helper()
	cmd := exec.Command("sleep", "3600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	check(t, cmd.Start())
	pid := cmd.Process.Pid
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	run(t, "ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "address", mac, "netns", strconv.Itoa(pid))
	run(t, "ip", "link", "set", device, "master", bridge, "up")
	t.Cleanup(func() { run(t, "ip", "link", "del", device) })
	run(t, "nsenter", "-t", strconv.Itoa(pid), "-n", "ip", "link", "set", "eth0", "up")
	return pid
}

// resolve asks a name server at an address.
func resolve(server, name string) ([]string, error) {
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(server, "53"))
	}}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return r.LookupHost(ctx, name+".")
}

// soon waits until something is so, for ten seconds.
func soon(is func() bool) bool {
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
