// Package notify tells others when something turned: a chat, a program behind
// a web address, or the commit that it is about. It tells of turns alone, not of states
// that go on, and nobody waits for it: what can't be delivered for an hour is
// dropped, and so is what is too much.
package notify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"text/template"
	"time"
)

// Word is what turned.
type Word string

// The words.
const (
	Failed     Word = "failed"
	RolledBack Word = "rolled back"
	Recovered  Word = "recovered"
	Flapping   Word = "flapping"
	Refused    Word = "refused"
	Drift      Word = "drift"
	Damaged    Word = "damaged" // something stored, that containers are made of
	Waiting    Word = "waiting"
	Applied    Word = "applied" // of a commit; a chat hears it when it asks for it
)

// Words lists them.
func Words() []string {
	return []string{string(Failed), string(RolledBack), string(Recovered), string(Flapping), string(Refused), string(Drift), string(Damaged), string(Waiting), string(Applied)}
}

// Turn is one thing that turned.
type Turn struct {
	Version   int       `json:"version"`
	Time      time.Time `json:"time"`
	Host      string    `json:"host"`
	Word      Word      `json:"turn"`
	Source    string    `json:"source,omitempty"`
	Stack     string    `json:"stack,omitempty"`
	Container string    `json:"container,omitempty"`
	Commit    string    `json:"commit,omitempty"`
	Text      string    `json:"text,omitempty"` // why
}

// String is the turn as a sentence.
func (t Turn) String() string {
	about := cmp.Or(t.Container, t.Source, "store")
	s := fmt.Sprintf("%s: %s %s", t.Host, about, t.Word)
	if t.Text != "" {
		s += ": " + t.Text
	}
	return s
}

// Kind is the form of what is sent.
type Kind string

// The kinds.
const (
	Web    Kind = "webhook" // the turn as JSON, or what a template makes of it
	GitHub Kind = "github"  // the status of a commit
	GitLab Kind = "gitlab"
	Gitea  Kind = "gitea"
)

// Kinds lists them.
func Kinds() []string { return []string{string(Web), string(GitHub), string(GitLab), string(Gitea)} }

// Target is where to send to.
type Target struct {
	Name       string
	Kind       Kind
	URL        string // of a status: the API's, "https://api.github.com", "https://gitlab.com/api/v4", "https://HOST/api/v1"
	Repository string // of a status: "owner/name"
	Source     string // whose turns; "": all
	On         []string
	Template   string
	Token      []byte // nil: none is sent
}

// Bounds.
const (
	queue   = 64        // turns that wait, for each target
	longest = time.Hour // that one is tried
	patient = 10 * time.Second
	most    = 1000 // characters of a reason
)

// Notifier tells targets.
type Notifier struct {
	host    string
	targets []*target
	client  *http.Client
	log     func(string)
	first   time.Duration // pause after the first try that failed
}

type target struct {
	Target
	text  *template.Template // nil: none
	queue chan Turn
	lost  sync.Once
}

// New makes ready to tell targets. log gets lines about what can't be delivered.
func New(host string, targets []Target, log func(string)) (*Notifier, error) {
	n := &Notifier{host: host, log: log, first: time.Second, client: &http.Client{
		Timeout:       patient,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a token goes nowhere else
	}}
	for _, t := range targets {
		to := &target{Target: t, queue: make(chan Turn, queue)}
		to.Token = bytes.TrimSpace(t.Token)
		if t.Template != "" {
			text, err := Parse(t.Template)
			if err != nil {
				return nil, fmt.Errorf("notify %s: %w", t.Name, err)
			}
			to.text = text
		}
		n.targets = append(n.targets, to)
	}
	return n, nil
}

// Parse reads a template: Go's text/template over a Turn, with json to quote.
func Parse(text string) (*template.Template, error) {
	t, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{"json": func(v any) (string, error) {
		b, err := json.Marshal(v)
		return string(b), err
	}}).Parse(text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: :"))
	}
	return t, t.Execute(io.Discard, Turn{})
}

// Tell tells whoever wants to know. It never waits: where a target is so far
// behind, the turn is dropped.
func (n *Notifier) Tell(t Turn) {
	t.Version, t.Host = 1, n.host
	if len(t.Text) > most {
		t.Text = strings.ToValidUTF8(t.Text[:most], "") + "..."
	}
	for _, to := range n.targets {
		if !to.wants(t) {
			continue
		}
		select {
		case to.queue <- t:
		default:
			to.lost.Do(func() { n.log("notify " + to.Name + ": too far behind; some turns are not told") })
		}
	}
}

func (to *target) wants(t Turn) bool {
	if to.Source != "" && t.Source != to.Source {
		return false
	}
	if to.Kind != Web {
		return t.Commit != "" && t.Container == "" // the status is of a commit, not of each container
	}
	if len(to.On) == 0 {
		return t.Word != Applied
	}
	for _, w := range to.On {
		if w == string(t.Word) {
			return true
		}
	}
	return false
}

// Run delivers until ctx is done, and then for a moment what is still there:
// the end of the agent is told as anything else.
func (n *Notifier) Run(ctx context.Context) {
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(3*time.Second, cancel) })()
	var all sync.WaitGroup
	for _, to := range n.targets {
		all.Go(func() { n.serve(ctx, last, to) })
	}
	all.Wait()
}

func (n *Notifier) serve(ctx, last context.Context, to *target) {
	for {
		select {
		case t := <-to.queue:
			n.deliver(ctx, last, to, t)
			continue
		default:
		}
		select {
		case <-ctx.Done():
			return
		case t := <-to.queue:
			n.deliver(ctx, last, to, t)
		}
	}
}

// deliver tries again and again, with longer and longer pauses.
func (n *Notifier) deliver(ctx, last context.Context, to *target, t Turn) {
	begun := time.Now()
	for pause := n.first; ; pause = min(2*pause, 5*time.Minute) {
		again, err := n.send(last, to, t)
		if err == nil {
			return
		}
		if !again || time.Since(begun) > longest || ctx.Err() != nil {
			n.log(fmt.Sprintf("notify %s: not told %q: %v", to.Name, t.Word, err))
			return
		}
		select {
		case <-ctx.Done(): // once more, and that was it
		case <-time.After(pause + rand.N(pause/2+1)):
		}
	}
}

// send tries once, and says whether another try makes sense.
func (n *Notifier) send(ctx context.Context, to *target, t Turn) (again bool, err error) {
	r, err := to.request(ctx, t)
	if err != nil {
		return false, err
	}
	got, err := n.client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the address may have a secret in it
		}
		return true, err
	}
	defer got.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(got.Body, 64<<10)) // so that the connection is used again
	switch {
	case got.StatusCode < 300:
		return false, nil
	case got.StatusCode == http.StatusTooManyRequests, got.StatusCode == http.StatusRequestTimeout, got.StatusCode >= 500:
		return true, errors.New("answered " + got.Status)
	}
	return false, errors.New("answered " + got.Status)
}
