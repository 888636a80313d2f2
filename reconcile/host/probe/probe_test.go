package probe

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/thread"
)

// elsewhere is a process with a network of its own, in which the test can
// listen on 127.0.0.1, and on 10.7.7.7 of its loopback.
func elsewhere(t *testing.T) target {
	t.Helper()
	cmd := exec.Command("unshare", "--net", "--mount", "sh", "-c", "ip link set lo up && ip address add 10.7.7.7/32 dev lo && echo ready && exec sleep 1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // Pdeathsig is about the thread
	t.Cleanup(runtime.UnlockOSThread)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := out.Read(make([]byte, 10)); err != nil {
		t.Fatal("make a network (needs root):", err)
	}
	return target{pid: cmd.Process.Pid, addresses: []netip.Addr{netip.MustParseAddr("10.7.7.7")}}
}

// listen opens a port in there.
func listen(t *testing.T, at target, address string) net.Listener {
	t.Helper()
	made := make(chan net.Listener, 1)
	go thread.Apart(func() {
		if err := enter(at.pid); err != nil {
			t.Error(err)
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
		}
		made <- l
	})
	l := <-made
	if l == nil {
		t.FailNow()
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestHTTP(t *testing.T) {
	at := elsewhere(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(w http.ResponseWriter, _ *http.Request) {})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://10.9.9.9/", http.StatusFound)
	})
	mux.HandleFunc("/bad", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := &httptest.Server{Listener: listen(t, at, "10.7.7.7:0"), Config: &http.Server{Handler: mux}}
	server.Start()
	defer server.Close()
	secure := &httptest.Server{Listener: listen(t, at, "127.0.0.1:0"), Config: &http.Server{Handler: mux}}
	secure.StartTLS()
	defer secure.Close()
	port, tls := portOf(server.Listener), portOf(secure.Listener)
	for _, test := range []struct {
		url    string
		status int
		want   string
	}{
		{"http://:" + port + "/good", 0, ""},
		{"http://10.7.7.7:" + port + "/good", 0, ""},
		{"http://:" + port + "/good", 204, "status 200"},
		{"http://:" + port + "/away", 0, ""},
		{"http://:" + port + "/away", 302, ""},
		{"http://:" + port + "/bad", 0, "status 503"},
		{"http://:" + port + "/bad", 503, ""},
		{"https://:" + tls + "/good", 0, ""},
		{"https://127.0.0.1:" + tls + "/good", 0, "certificate"},
		{"http://127.0.0.1:" + port + "/good", 0, "refused"}, // it listens on the other address alone
		{"http://:1/good", 0, "refused"},
	} {
		err := Prober{}.HTTP(soon(t), at.pid, at.addresses, test.url, test.status)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, %d: %v", test.url, test.status, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := (Prober{}).HTTP(ctx, at.pid, at.addresses, "http://:"+port+"/slow", 0); err == nil {
		t.Error("a page that never comes is good")
	}
}

// What listens on the host is not the container's, and the other way round.
func TestTCPApart(t *testing.T) {
	at := elsewhere(t)
	inside := listen(t, at, "127.0.0.1:0")
	outside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	if err := (Prober{}).TCP(soon(t), at.pid, at.addresses, ":"+portOf(inside)); err != nil {
		t.Error(err)
	}
	if err := (Prober{}).TCP(soon(t), at.pid, at.addresses, ":"+portOf(outside)); portOf(inside) != portOf(outside) && err == nil {
		t.Error("the host's port answered")
	}
	if err := (Prober{}).TCP(soon(t), 1<<22, nil, ":80"); err == nil || !strings.Contains(err.Error(), "namespace") {
		t.Error(err)
	}
	before, _ := os.Readlink("/proc/self/ns/net")
	if now, _ := os.Readlink(fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), unix.Gettid())); now != before {
		t.Error("a thread of ours stayed in there")
	}
}

// A link in the tree leads to what it means in there, never to the host's.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"run", "etc"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "run/ready"), nil, 0o600))
	must(t, os.Symlink("/run/ready", filepath.Join(dir, "link")))
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "out")))
	must(t, os.Symlink("../../../../../../../../etc/passwd", filepath.Join(dir, "up")))
	must(t, os.WriteFile(filepath.Join(dir, "sleep"), static(t), 0o755))
	cmd := exec.Command("/sleep", "1000")
	cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Chroot: dir}
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for _, path := range []string{"/run/ready", "/link", "/run"} {
		if err := (Prober{}).File(cmd.Process.Pid, path); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{"/out", "/up", "/run/none", "/run/ready/x"} {
		if err := (Prober{}).File(cmd.Process.Pid, path); err == nil || !strings.Contains(err.Error(), "look for "+path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// static is a program that needs no other file.
func static(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("/bin/busybox")
	must(t, err)
	return text
}
