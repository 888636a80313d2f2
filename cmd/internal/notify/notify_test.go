package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// got is a message that a server got.
type got struct {
	path, token string
	body        map[string]any
	raw         string
}

// server takes messages, and answers with codes, the last one again and again.
func server(t *testing.T, codes ...int) (*httptest.Server, <-chan got) {
	t.Helper()
	var mu sync.Mutex
	heard := make(chan got, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		text, _ := io.ReadAll(r.Body)
		g := got{path: r.URL.EscapedPath(), token: r.Header.Get("Authorization") + r.Header.Get("PRIVATE-TOKEN"), raw: string(text)}
		_ = json.Unmarshal(text, &g.body)
		code := codes[0]
		if len(codes) > 1 {
			codes = codes[1:]
		}
		w.WriteHeader(code)
		heard <- g
	}))
	t.Cleanup(s.Close)
	return s, heard
}

func hear(t *testing.T, from <-chan got) got {
	t.Helper()
	select {
	case g := <-from:
		return g
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
	}
	return got{}
}

// TestForms: what each kind of target gets.
func TestForms(t *testing.T) {
	s, heard := server(t, 201)
	turn := Turn{Word: RolledBack, Source: "site", Commit: "abc123", Text: "web1: no answer\nsecond line " + strings.Repeat("x", 2000)}
	for _, c := range []struct {
		to                     Target
		path, token, key, want string
	}{
		{Target{Kind: GitHub, Repository: "me/site"}, "/repos/me/site/statuses/abc123", "Bearer tok", "state", "failure"},
		{Target{Kind: GitHub, Repository: "me/site"}, "/repos/me/site/statuses/abc123", "Bearer tok", "description", "rolled back: web1: no answer"},
		{Target{Kind: Gitea, Repository: "me/site"}, "/repos/me/site/statuses/abc123", "token tok", "context", "strake/h1/site"},
		{Target{Kind: GitLab, Repository: "me/site"}, "/projects/me%2Fsite/statuses/abc123", "tok", "state", "failed"},
		{Target{Kind: Web}, "/", "Bearer tok", "turn", "rolled back"},
		{Target{Kind: Web, Template: `{"text": {{json .String}}, "who": {{json .Host}}}`}, "/", "Bearer tok", "who", "h1"},
	} {
		c.to.Name, c.to.URL, c.to.Token = "x", s.URL, []byte("tok\n")
		n, err := New("h1", []Target{c.to}, func(line string) { t.Error(line) })
		if err != nil {
			t.Fatal(err)
		}
		n.Tell(turn)
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // what is there is delivered all the same
		n.Run(ctx)
		g := hear(t, heard)
		if g.path != c.path || g.token != c.token || g.body[c.key] != c.want || len(g.raw) > 1500 {
			t.Errorf("%s got %+v", c.to.Kind, g)
		}
	}
}

// TestRetry: a server that is down for a while gets it later, one that says no is
// left alone, and who tells waits for neither.
func TestRetry(t *testing.T) {
	weak, late := server(t, 503, 429, 200)
	sure, once := server(t, 403)
	said := make(chan string, 10)
	n, err := New("h1", []Target{{Name: "weak", Kind: Web, URL: weak.URL}, {Name: "sure", Kind: Web, URL: sure.URL + "/secret-in-the-path"}}, func(s string) { said <- s })
	if err != nil {
		t.Fatal(err)
	}
	n.first = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { n.Run(ctx); close(ended) }()
	n.Tell(Turn{Word: Failed, Source: "s"})
	for range 3 {
		hear(t, late)
	}
	hear(t, once)
	if line := <-said; !strings.Contains(line, "notify sure: not told") || !strings.Contains(line, "403") || strings.Contains(line, "secret") {
		t.Error(line)
	}
	cancel()
	<-ended
	if len(late)+len(once) > 0 {
		t.Error("told again")
	}
}

// TestBounded: a target that never answers holds up nobody, and what is too
// much is dropped and said once.
func TestBounded(t *testing.T) {
	var said []string
	n, err := New("h1", []Target{{Name: "x", Kind: Web, URL: "http://127.0.0.1:1"}, {Name: "other", Kind: Web, Source: "other"}, {Name: "commits", Kind: GitHub}}, func(s string) { said = append(said, s) })
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		n.Tell(Turn{Word: Failed, Source: "s", Container: fmt.Sprint(i)})
	}
	if len(said) != 1 || len(n.targets[0].queue) != queue || len(n.targets[1].queue) != 0 || len(n.targets[2].queue) != 0 {
		t.Errorf("said %v", said)
	}
	n.Tell(Turn{Word: Applied, Source: "s", Commit: "c"})
	if len(n.targets[2].queue) != 1 {
		t.Error("a commit's status is not told")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan struct{})
	go func() { n.Run(ctx); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Error("the end waits for a target")
	}
}

func TestTemplate(t *testing.T) {
	for text, good := range map[string]bool{`{{.Host}}`: true, `{{.Nothing}}`: false, `{{`: false, `{{json .Text}}`: true} {
		if _, err := Parse(text); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}
