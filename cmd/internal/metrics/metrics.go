// Package metrics tells Prometheus how sources and containers stand. It asks
// when it is asked, and not more often than every few seconds, so nobody can
// keep a host busy with it; names of containers are labels up to a number, and
// counted beyond it.
package metrics

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Source is how a source stands.
type Source struct {
	Name      string
	State     string
	Succeeded time.Time // zero: never
	Waiting   int       // containers that wait for approval
}

// Container is how one stands.
type Container struct {
	Name, Stack string
	Up          bool
	Drifted     bool
	Held        bool
	Failed      bool // it never proved itself, or does not now
	Pending     bool // something waits for a restart
	Generation  int
	Egress      []Attempts
}

// Attempts are how often a container wanted something of the world, since the
// proxy runs, with one verdict.
type Attempts struct {
	Verdict      string
	Count, Bytes int64 // both ways
}

// Scene is all of it.
type Scene struct {
	Sources    []Source
	Containers []Container
	States     []string // that sources can have
}

// Bounds.
const (
	mostContainers = 1000
	fresh          = 5 * time.Second
)

// Metrics is the page.
type Metrics struct {
	look     func() (Scene, error)
	registry *prometheus.Registry
	durable  *prometheus.HistogramVec
	restarts *prometheus.CounterVec
	runs     *prometheus.CounterVec
	refused  prometheus.Counter

	mu   sync.Mutex
	seen Scene
	at   time.Time
	err  error
	now  func() time.Time
}

var (
	sourceState   = describe("source_state", "1 for the state that a source has.", "source", "state")
	sourceSuccess = describe("source_last_success_timestamp_seconds", "When a source was last found as its text says; 0 if never.", "source")
	sourceAge     = describe("source_last_success_age_seconds", "How long ago that was; missing if never.", "source")
	sourceWaiting = describe("source_waiting_containers", "Containers of a source that wait for approval.", "source")
	containerUp   = describe("container_up", "Whether a container runs.", "container", "stack")
	drifted       = describe("container_drifted", "Whether a container was changed behind strake's back.", "container", "stack")
	held          = describe("container_held", "Whether a container's newest text is on hold.", "container", "stack")
	healthy       = describe("container_healthy", "0 for a container whose generation did not prove itself.", "container", "stack")
	pending       = describe("container_pending_restart", "Whether something takes effect at a container's next start.", "container", "stack")
	generation    = describe("container_generation", "Number of a container's current generation.", "container", "stack")
	attempts      = describe("egress_attempts_total", "What a container wanted of the world, since the egress proxy runs.", "container", "stack", "verdict")
	egressBytes   = describe("egress_bytes_total", "Bytes of that, both ways.", "container", "stack", "verdict")
	containers    = describe("containers", "Containers that strake manages, also those that are too many to name.")
	lookFailed    = describe("look_failed", "1 when the host could not be looked at.")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("strake_"+name, help, labels, nil)
}

// New makes a page of what look sees.
func New(version string, look func() (Scene, error)) *Metrics {
	m := &Metrics{
		look: look, registry: prometheus.NewRegistry(), now: time.Now,
		durable: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "strake_apply_duration_seconds", Help: "How long runs that changed something took, with waiting for health.",
			Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}}, []string{"command", "outcome"}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "strake_container_starts_total", Help: "Starts of a container by strake since the agent began."}, []string{"container"}),
		runs:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "strake_events_total", Help: "Events since the agent began."}, []string{"kind", "outcome"}),
		refused:  prometheus.NewCounter(prometheus.CounterOpts{Name: "strake_webhook_refused_total", Help: "Messages to webhooks that were refused."}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "strake_build_info", Help: "1, with the version.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m, m.durable, m.restarts, m.runs, m.refused, build)
	return m
}

// Handler is the page over HTTP.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 30 * time.Second})
}

// Ran counts a run that ended.
func (m *Metrics) Ran(command, outcome string, took time.Duration) {
	m.durable.WithLabelValues(command, outcome).Observe(took.Seconds())
}

// Happened counts an event; both words are of few.
func (m *Metrics) Happened(kind, outcome string) { m.runs.WithLabelValues(kind, outcome).Inc() }

// Started counts a start of a container that the page names.
func (m *Metrics) Started(container string) {
	m.mu.Lock()
	known := len(m.seen.Containers) <= mostContainers
	m.mu.Unlock()
	if known {
		m.restarts.WithLabelValues(container).Inc()
	}
}

// Gone forgets a container.
func (m *Metrics) Gone(container string) { m.restarts.DeleteLabelValues(container) }

// Refused counts a message that was refused.
func (m *Metrics) Refused() { m.refused.Inc() }

// Describe says what there is.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{sourceState, sourceSuccess, sourceAge, sourceWaiting, containerUp, drifted, held, healthy, pending, generation, attempts, egressBytes, containers, lookFailed} {
		to <- d
	}
}

// Collect tells how it is now.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	scene, now, err := m.scene()
	tell := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, n int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	tell(lookFailed, number(err != nil))
	tell(containers, float64(len(scene.Containers)))
	for _, s := range scene.Sources {
		for _, state := range scene.States {
			tell(sourceState, number(state == s.State), s.Name, state)
		}
		tell(sourceWaiting, float64(s.Waiting), s.Name)
		if s.Succeeded.IsZero() {
			tell(sourceSuccess, 0, s.Name)
			continue
		}
		tell(sourceSuccess, float64(s.Succeeded.Unix()), s.Name)
		tell(sourceAge, now.Sub(s.Succeeded).Seconds(), s.Name)
	}
	for i, c := range scene.Containers {
		if i == mostContainers {
			break
		}
		tell(containerUp, number(c.Up), c.Name, c.Stack)
		tell(drifted, number(c.Drifted), c.Name, c.Stack)
		tell(held, number(c.Held), c.Name, c.Stack)
		tell(healthy, number(!c.Failed), c.Name, c.Stack)
		tell(pending, number(c.Pending), c.Name, c.Stack)
		tell(generation, float64(c.Generation), c.Name, c.Stack)
		for _, a := range c.Egress {
			count(attempts, a.Count, c.Name, c.Stack, a.Verdict)
			count(egressBytes, a.Bytes, c.Name, c.Stack, a.Verdict)
		}
	}
}

func (m *Metrics) scene() (Scene, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if m.at.IsZero() || now.Sub(m.at) >= fresh {
		seen, err := m.look()
		if m.err = err; err == nil {
			m.seen = seen
		}
		m.at = now
	}
	return m.seen, now, m.err
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
