package webhook

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const secret = "a secret of many bytes"

func sum(body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func handler(t testing.TB, fetched, said *[]string) *Handler {
	t.Helper()
	var hooks []Hook
	for _, f := range Forges() {
		hooks = append(hooks, Hook{Path: "/" + f, Forge: Forge(f), Source: f, Secret: []byte(secret + "\n")})
	}
	h, err := New(hooks, func(s string) error { *fetched = append(*fetched, s); return nil }, func(s string) { *said = append(*said, s) })
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestProofs: what each forge sends is taken; what is not quite that is not.
func TestProofs(t *testing.T) {
	const body = `{"ref":"refs/heads/main"}`
	for _, c := range []struct {
		path, head, value string
		code              int
	}{
		{"/github", "X-Hub-Signature-256", "sha256=" + sum(body), 202},
		{"/github", "X-Hub-Signature-256", "sha256=" + sum(body+" "), 401},
		{"/github", "X-Hub-Signature-256", sum(body), 401},
		{"/github", "X-Hub-Signature-256", "sha256=", 401},
		{"/github", "X-Hub-Signature-256", "sha256=" + sum(body)[:32], 401},
		{"/github", "X-Gitlab-Token", secret, 401},
		{"/github", "", "", 401},
		{"/gitea", "X-Gitea-Signature", sum(body), 202},
		{"/gitea", "X-Gitea-Signature", strings.Repeat("0", 64), 401},
		{"/gitlab", "X-Gitlab-Token", secret, 202},
		{"/gitlab", "X-Gitlab-Token", secret[:10], 401},
		{"/gitlab", "X-Gitlab-Token", "", 401},
		{"/generic", "Authorization", "Bearer " + secret, 202},
		{"/generic", "Authorization", secret, 401},
		{"/generic", "X-Hub-Signature-256", "sha256=" + sum(body), 202},
		{"/nothing", "X-Gitlab-Token", secret, 404},
		{"/gitlab/", "X-Gitlab-Token", secret, 404},
	} {
		var fetched, said []string
		r := httptest.NewRequest("POST", c.path, strings.NewReader(body))
		if c.head != "" {
			r.Header.Set(c.head, c.value)
		}
		w := httptest.NewRecorder()
		handler(t, &fetched, &said).ServeHTTP(w, r)
		if w.Code != c.code || (len(fetched) == 1) != (c.code == 202) || (len(said) == 1) != (c.code != 202) {
			t.Errorf("%s with %s %q: %d, fetched %v, said %v", c.path, c.head, c.value, w.Code, fetched, said)
		}
		if strings.Contains(w.Body.String()+strings.Join(said, ""), secret) {
			t.Errorf("the secret is told: %s %v", w.Body, said)
		}
	}
}

// TestBounds: other methods and long messages are refused, and a flood of
// refusals is a line in ten seconds.
func TestBounds(t *testing.T) {
	var fetched, said []string
	h := handler(t, &fetched, &said)
	now := time.Unix(1000, 0)
	h.now = func() time.Time { return now }
	try := func(r *http.Request) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	if code := try(httptest.NewRequest("GET", "/gitlab", nil)); code != 405 {
		t.Errorf("GET: %d", code)
	}
	long := httptest.NewRequest("POST", "/gitlab", io.LimitReader(zeros{}, Most+1))
	long.Header.Set("X-Gitlab-Token", secret)
	if code := try(long); code != 413 {
		t.Errorf("a long message: %d", code)
	}
	for range 100 {
		try(httptest.NewRequest("POST", "/gitlab", nil))
	}
	now = now.Add(pause)
	try(httptest.NewRequest("POST", "/gitlab", nil))
	if len(said) != 2 || !strings.Contains(said[1], "101 more") || fetched != nil {
		t.Errorf("said %q, fetched %v", said, fetched)
	}
	if _, err := New([]Hook{{Path: "/x", Secret: []byte("short")}}, nil, nil); !errors.Is(err, ErrShort) {
		t.Error(err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestServe: many at a time over a socket, some of them rubbish, and an end.
func TestServe(t *testing.T) {
	var fetched, said []string
	h := handler(t, &fetched, &said)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, h) }()
	for _, text := range []string{"\x00\x01\x02\r\n\r\n", "POST /gitlab HTTP/9.9\r\n\r\n", "POST /gitlab HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: b\r\n", 10000) + "\r\n", "GET"} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, text)
		c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
		c.Close()
	}
	r, _ := http.NewRequestWithContext(ctx, "POST", "http://"+l.Addr().String()+"/gitlab", nil)
	r.Header.Set("X-Gitlab-Token", secret)
	got, err := http.DefaultClient.Do(r)
	if err != nil || got.StatusCode != 202 || len(fetched) != 1 {
		t.Fatal(got, err, fetched)
	}
	got.Body.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// FuzzMessage: whatever comes, nothing is looked at but by a sender who knows
// the secret, and the answer is one of those that there are.
func FuzzMessage(f *testing.F) {
	f.Add([]byte("POST /github HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=00\r\nContent-Length: 2\r\n\r\n{}"))
	f.Add([]byte("POST /gitlab HTTP/1.1\r\nHost: x\r\nX-Gitlab-Token: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"))
	f.Add([]byte("DELETE /generic HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil || bytes.Contains(text, []byte(secret)) {
			return
		}
		var fetched, said []string
		w := httptest.NewRecorder()
		handler(t, &fetched, &said).ServeHTTP(w, r)
		if fetched != nil || w.Code < 400 || w.Code >= 500 || len(said) != 1 || len(said[0]) > 300 {
			t.Errorf("%d, fetched %v, said %q", w.Code, fetched, said)
		}
	})
}
