// Package parts hangs on the agent what it hears and says beside its passes:
// the socket, webhooks, the page for Prometheus, notifications, and what the
// service manager is told. Each is a Part of the agent: it runs as long as one
// configuration is in use, and one that fails is begun again while the rest goes on.
package parts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"strake/cmd/internal/agent"
	"strake/cmd/internal/api"
	"strake/cmd/internal/metrics"
	"strake/cmd/internal/notify"
	"strake/cmd/internal/service"
	"strake/cmd/internal/webhook"
	"strake/reconcile"
	"strake/reconcile/event"
	"strake/reconcile/plan"
	"strake/spec"
)

// Options are what parts are made of.
type Options struct {
	Engine  *reconcile.Engine                 // required: of the installation
	Socket  string                            // required: where the API is
	Version string                            //
	Secret  func(file string) ([]byte, error) // required: reads a file that has to be root's alone
	Reload  func()                            // required: has the configuration read again
	Rest    func()                            // may be nil: called when much was looked at, to give memory back
}

// Parts makes the parts of an agent's configurations. What is counted is
// counted on over a reload.
func Parts(o Options) func(*agent.Agent, spec.Agent) []agent.Part {
	host, _ := os.Hostname()
	var page *metrics.Metrics
	return func(a *agent.Agent, conf spec.Agent) []agent.Part {
		if page == nil {
			page = metrics.New(o.Version, func() (metrics.Scene, error) { return scene(a, o.Engine) })
		}
		h := hang{Options: o, a: a, conf: conf, page: page, host: host}
		list := []agent.Part{part{"service", h.service}, part{"socket", h.socket}, part{"counts", h.count}, part{"heal", h.heal}}
		if conf.Scrub > 0 {
			list = append(list, part{"scrub", h.scrub})
		}
		if conf.Metrics != nil {
			list = append(list, part{"metrics", h.metrics})
		}
		if conf.Webhook != nil {
			list = append(list, part{"webhook", h.webhook})
		}
		if len(conf.Notify) > 0 {
			list = append(list, part{"notify", h.notify})
		}
		return list
	}
}

type part struct {
	name string
	run  func(context.Context) error
}

func (p part) Name() string                  { return p.name }
func (p part) Run(ctx context.Context) error { return p.run(ctx) }

// hang is what the parts of one configuration share.
type hang struct {
	Options
	a    *agent.Agent
	conf spec.Agent
	page *metrics.Metrics
	host string
}

func (h hang) refused(line string) {
	h.a.Engine("agent").Tell(event.Event{Kind: event.Agent, Outcome: event.Refused, Error: line})
}

// service tells the service manager that all is up, what is at work, and that
// the agent still answers.
func (h hang) service(ctx context.Context) error {
	events, cancel := h.a.Subscribe()
	defer cancel()
	service.Ready()
	service.Status(line(h.a.Status()))
	go service.Watchdog(ctx, h.alive)
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-events:
			switch {
			case e.Kind == event.Source:
				service.Status(line(h.a.Status()))
			case e.Kind == event.Agent && e.Outcome == event.Refused:
				service.Ready() // a reload that was not taken is over, too
			}
		}
	}
}

// alive says whether the agent can still say how it stands.
func (h hang) alive() bool {
	answered := make(chan struct{})
	go func() { h.a.Status(); close(answered) }()
	select {
	case <-answered:
		return true
	case <-time.After(5 * time.Second):
		return false
	}
}

// line is how all sources stand, on one line.
func line(s agent.Status) string {
	var words []string
	for _, src := range s.Sources {
		state := string(src.State)
		if state == "" {
			state = "not looked at yet"
		}
		words = append(words, src.Name+": "+state)
	}
	if len(words) == 0 {
		return "no sources"
	}
	return strings.Join(words, ", ")
}

// socket serves the API.
func (h hang) socket(ctx context.Context) error {
	rights := api.Rights{Read: h.conf.API.ReadGroup, Admin: h.conf.API.AdminGroup}
	l, err := api.Listen(h.Socket, rights)
	if err != nil {
		return err
	}
	return api.Serve(ctx, l, h.calls(), rights)
}

func (h hang) calls() api.Calls {
	return api.Calls{
		Status: func(context.Context) (any, error) { return h.a.Status(), nil },
		Containers: func(ctx context.Context) (any, error) {
			list, err := h.Engine.Status(ctx)
			if err == nil {
				err = h.Engine.Count(ctx, list)
			}
			if list == nil {
				list = []reconcile.Status{}
			}
			return Containers{1, list}, err
		},
		Events: func(ctx context.Context, since time.Time, follow bool, tell func(any) error) error {
			each := func(e event.Event) error { return tell(e) }
			if follow {
				return h.Engine.Diary.Follow(ctx, since, each)
			}
			return h.Engine.Diary.Read(since, each)
		},
		Metrics: h.page.Handler(),
		Fetch: func(source string) error {
			err := h.a.Fetch(source)
			if errors.Is(err, agent.ErrNoSource) {
				err = fmt.Errorf("%w: %w", api.ErrUnknown, err)
			}
			return err
		},
		Reload:  func() error { h.Reload(); return nil },
		Suspend: h.suspend,
		Resume: func(ctx context.Context, by string, o api.Order) error {
			return coded(h.a.Engine(by).Resume(ctx, o.Name))
		},
		Approve: func(ctx context.Context, by string, o api.Order) error {
			_, err := h.a.Engine(by).Approve(context.WithoutCancel(ctx), o.Run, approved())
			return coded(err)
		},
	}
}

// Containers is what the socket says of containers, and `status --json`.
type Containers struct {
	Version    int                `json:"version"`
	Containers []reconcile.Status `json:"containers"`
}

func (h hang) suspend(ctx context.Context, by string, o api.Order) error {
	var until time.Time
	if o.For != "" {
		span, err := time.ParseDuration(o.For)
		if err != nil || span <= 0 {
			return fmt.Errorf("%w: for is how long, such as 2h", api.ErrRefused)
		}
		until = time.Now().Add(span).UTC()
	}
	return coded(h.a.Engine(by).Suspend(ctx, o.Name, until, o.Reason))
}

// coded gives the engine's errors their meaning on the socket.
func coded(err error) error {
	switch {
	case errors.Is(err, reconcile.ErrUnknown):
		return fmt.Errorf("%w: %w", api.ErrUnknown, err)
	case errors.Is(err, reconcile.ErrPolicy), errors.Is(err, reconcile.ErrStale):
		return fmt.Errorf("%w: %w", api.ErrRefused, err)
	}
	return err
}

// metrics serves the page on an address.
func (h hang) metrics(ctx context.Context) error {
	l, err := net.Listen("tcp", h.conf.Metrics.Listen)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", h.page.Handler())
	return webhook.Serve(ctx, l, mux)
}

// webhook listens to forges.
func (h hang) webhook(ctx context.Context) error {
	var hooks []webhook.Hook
	for _, k := range h.conf.Webhook.Hooks {
		secret, err := h.Secret(k.Secret)
		if err != nil {
			return err
		}
		hooks = append(hooks, webhook.Hook{Path: k.Path, Forge: webhook.Forge(k.Forge), Source: k.Source, Secret: secret})
	}
	handler, err := webhook.New(hooks, h.a.Fetch, func(line string) {
		h.page.Refused()
		h.refused(line)
	})
	if err != nil {
		return err
	}
	l, err := h.listen()
	if err != nil {
		return err
	}
	return webhook.Serve(ctx, l, handler)
}

func (h hang) listen() (net.Listener, error) {
	w := h.conf.Webhook
	if w.Certificate == "" {
		return net.Listen("tcp", w.Listen)
	}
	key, err := h.Secret(w.Key)
	if err != nil {
		return nil, err
	}
	chain, err := os.ReadFile(w.Certificate)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", w.Certificate, err)
	}
	return tls.Listen("tcp", w.Listen, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
}

// notify tells targets what turned.
func (h hang) notify(ctx context.Context) error {
	var targets []notify.Target
	for _, n := range h.conf.Notify {
		t := notify.Target{Name: n.Name, Kind: notify.Kind(n.Kind), URL: n.URL, Repository: n.Repository, Source: n.Source, On: n.On, Template: n.Template}
		var err error
		if n.URLFile != "" {
			var address []byte
			if address, err = h.Secret(n.URLFile); err != nil {
				return err
			}
			t.URL = strings.TrimSpace(string(address))
		}
		if n.Token != "" {
			if t.Token, err = h.Secret(n.Token); err != nil {
				return err
			}
		}
		targets = append(targets, t)
	}
	n, err := notify.New(h.host, targets, h.refused)
	if err != nil {
		return err
	}
	events, cancel := h.a.Subscribe()
	done := make(chan struct{})
	go func() { n.Run(ctx); close(done) }()
	w := newTurns(h.a.Status().Sources)
	for {
		select {
		case <-ctx.Done():
			cancel()
			<-done
			return nil
		case e := <-events:
			for _, t := range w.see(e) {
				n.Tell(t)
			}
		}
	}
}

// approved is the answer of who names a run: it is about all that its plan asks.
func approved() reconcile.How {
	return reconcile.How{Approve: func(plan.Plan) error { return nil }}
}
