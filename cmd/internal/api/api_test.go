package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// calls remembers what was done.
func calls(done *[]string) Calls {
	note := func(_ context.Context, by string, o Order) error {
		*done = append(*done, by+" "+o.Name+o.Run)
		return nil
	}
	return Calls{
		Status:     func(context.Context) (any, error) { return map[string]any{"version": 1, "state": "fine"}, nil },
		Containers: func(context.Context) (any, error) { return nil, fmt.Errorf("look: %w", ErrUnknown) },
		Events: func(ctx context.Context, _ time.Time, follow bool, tell func(any) error) error {
			if err := tell(map[string]int{"n": 1}); err != nil || !follow {
				return err
			}
			<-ctx.Done()
			return nil
		},
		Fetch: func(s string) error {
			if s == "none" {
				return ErrUnknown
			}
			*done = append(*done, "fetch "+s)
			return nil
		},
		Suspend: note,
	}
}

func as(h http.Handler, p Peer, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, p)))
	return w
}

// TestRights: who may do what.
func TestRights(t *testing.T) {
	var done []string
	h := handler(t.Context(), calls(&done), Rights{Read: "watchers", Admin: "4711"})
	root := Peer{Known: true}
	reader := Peer{Known: true, UID: 1000, groups: []string{"1000", "watchers"}}
	admin := Peer{Known: true, UID: 1001, groups: []string{"4711"}}
	other := Peer{Known: true, UID: 1002, groups: []string{"1002", ""}}
	for _, c := range []struct {
		who          Peer
		method, path string
		body         string
		code         int
	}{
		{root, "GET", "/v1/status", "", 200}, {reader, "GET", "/v1/status", "", 200}, {admin, "GET", "/v1/status", "", 200},
		{other, "GET", "/v1/status", "", 403}, {Peer{}, "GET", "/v1/status", "", 403}, {other, "GET", "/metrics", "", 403}, {other, "GET", "/v1/events", "", 403}, {other, "GET", "/", "", 403},
		{reader, "POST", "/v1/fetch", "", 403}, {other, "POST", "/v1/suspend", "", 403}, {admin, "POST", "/v1/fetch", `{"name":"site"}`, 202}, {root, "POST", "/v1/fetch", "", 202},
		{root, "POST", "/v1/fetch", `{"name":"none"}`, 404}, {root, "GET", "/v1/containers", "", 404},
		{root, "POST", "/v1/suspend", `{"name":"web1"}`, 202},
		{root, "POST", "/v1/suspend", `{"nmae":"web1"}`, 400}, {root, "POST", "/v1/suspend", `{"name":"a"}{}`, 400}, {root, "POST", "/v1/suspend", `{"name":"a\u0000"}`, 400},
		{root, "POST", "/v1/suspend", `{"name":"` + strings.Repeat("x", mostBody) + `"}`, 400},
		{root, "POST", "/v1/resume", "", 501}, {root, "GET", "/metrics", "", 501}, {root, "GET", "/v2/status", "", 404}, {root, "GET", "/v1/events?since=never", "", 400},
		{root, "POST", "/v1/status", "", 405},
	} {
		if got := as(h, c.who, c.method, c.path, c.body); got.Code != c.code && !(c.code == 405 && got.Code == 404) {
			t.Errorf("%d %s %s %.30s: %d %s", c.who.UID, c.method, c.path, c.body, got.Code, got.Body)
		}
	}
	if want := []string{"fetch site", "fetch ", "root web1"}; !slices.Equal(done, want) {
		t.Errorf("did %q", done)
	}
}

func serve(t *testing.T, rights Rights, done *[]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run", "api.sock")
	l, err := Listen(path, rights)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, rights); !errors.Is(err, ErrServed) {
		t.Errorf("a second agent: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, calls(done), rights) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return path
}

// TestSocket: the kernel says who asks; streams flow, and end with the agent.
func TestSocket(t *testing.T) {
	var done []string
	path := serve(t, Rights{Read: "nogroup"}, &done)
	c := Dial(path)
	var got struct{ State string }
	if err := c.Get(t.Context(), "/v1/status", &got); err != nil || got.State != "fine" {
		t.Fatal(got, err)
	}
	if err := c.Post(t.Context(), "/v1/fetch", Order{Name: "none"}); err == nil || err.Error() != "ask the agent: not known" {
		t.Error(err)
	}
	var all bytes.Buffer
	if err := c.Copy(t.Context(), "/v1/events", &all); err != nil || all.String() != "{\"n\":1}\n" {
		t.Error(all.String(), err)
	}
	for range mostStreams + 1 { // the last one is refused, and nobody is left waiting
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /v1/events?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			t.Fatal(line, err)
		}
	}
	if err := c.Copy(t.Context(), "/v1/events", &all); err == nil || !strings.Contains(err.Error(), "too many follow") {
		t.Error(err)
	}
}

// TestStranger: somebody who is in no group that has rights, and somebody who is.
func TestStranger(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("become somebody else: be root")
	}
	for group, code := range map[string]string{"nogroup": "200", "adm": "403"} {
		var done []string
		path := serve(t, Rights{Read: group}, &done)
		for d := filepath.Dir(path); d != os.TempDir(); d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if got := asNobody(t, path); got != code {
			t.Errorf("readers are %s: %s", group, got)
		}
	}
}

// asNobody asks as another user: the thread that becomes one ends with the
// goroutine.
func asNobody(t *testing.T, path string) string {
	t.Helper()
	said := make(chan string, 1)
	go func() {
		runtime.LockOSThread()
		for _, call := range []uintptr{unix.SYS_SETRESGID, unix.SYS_SETRESUID} {
			if _, _, errno := unix.RawSyscall(call, 65534, 65534, 65534); errno != 0 {
				said <- errno.Error()
				return
			}
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			said <- err.Error()
			return
		}
		defer c.Close()
		fmt.Fprint(c, "GET /v1/status HTTP/1.0\r\n\r\n")
		line, _ := bufio.NewReader(c).ReadString('\n')
		said <- strings.Fields(line + " - -")[1]
	}()
	return <-said
}

// FuzzRequest: whatever comes, there is an answer, and nothing is done for who
// has no right to it.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("POST /v1/suspend HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{\"name\":\"web1\"}"), true)
	f.Add([]byte("GET /v1/events?since=2026-01-01T00:00:00Z HTTP/1.1\r\nHost: x\r\n\r\n"), false)
	f.Add([]byte("POST //v1/../v1/fetch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), false)
	f.Fuzz(func(t *testing.T, text []byte, admin bool) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			return
		}
		var done []string
		p := Peer{Known: true, UID: 1000, groups: []string{"watchers"}}
		if admin {
			p.UID = 0
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // a stream ends at once
		w := httptest.NewRecorder()
		handler(ctx, calls(&done), Rights{Read: "watchers", Admin: "admins"}).ServeHTTP(w, r.WithContext(context.WithValue(ctx, peerKey{}, p)))
		if w.Code < 200 || w.Code > 501 || !admin && done != nil || admin && len(done) > 0 && w.Code != 202 {
			t.Errorf("%d, done %v", w.Code, done)
		}
	})
}
