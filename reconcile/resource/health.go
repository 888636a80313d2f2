package resource

import (
	"cmp"
	"strings"
	"time"
)

// Health says how a changed container proves itself.
type Health struct {
	StartPeriod time.Duration `json:"start_period,omitempty"`
	Interval    time.Duration `json:"interval"`
	Timeout     time.Duration `json:"timeout"`
	Failures    int           `json:"failures"`
	MinHealthy  time.Duration `json:"min_healthy,omitempty"`
	Deadline    time.Duration `json:"deadline"`
	Checks      []Check       `json:"checks,omitempty"` // sorted by name
}

// Check is one thing that is looked at. Name is its kind, "http", or
// "http/admin" where there are several; the others are what the kind needs.
type Check struct {
	Name     string        `json:"name"`
	URL      string        `json:"url,omitempty"`
	Status   int           `json:"status,omitempty"` // 0: 200 to 399
	Address  string        `json:"address,omitempty"`
	Command  []string      `json:"command,omitempty"`
	Units    []string      `json:"names,omitempty"`
	NIC      string        `json:"nic,omitempty"`
	Path     string        `json:"path,omitempty"`
	Interval time.Duration `json:"interval,omitempty"` // 0: as Health has it
	Timeout  time.Duration `json:"timeout,omitempty"`
	Failures int           `json:"failures,omitempty"`
}

// Kind is the part of the name before the slash.
func (k Check) Kind() string {
	kind, _, _ := strings.Cut(k.Name, "/")
	return kind
}

// Object is what is looked at, in short.
func (k Check) Object() string {
	return cmp.Or(k.URL, k.Address, strings.Join(k.Command, " "), strings.Join(k.Units, " "), k.NIC, k.Path)
}

// Update says how a change goes through.
type Update struct {
	KeepFailed  bool `json:"keep_failed,omitempty"` // auto_rollback = false
	MaxParallel int  `json:"max_parallel,omitempty"`
	Canary      int  `json:"canary,omitempty"`
}

func (h *Health) settings(s *settings) {
	if h == nil {
		return
	}
	s.add("health.start_period", Span(h.StartPeriod))
	s.add("health.interval", Span(h.Interval))
	s.add("health.timeout", Span(h.Timeout))
	s.number("health.failures", int64(h.Failures))
	s.add("health.min_healthy", Span(h.MinHealthy))
	s.add("health.deadline", Span(h.Deadline))
	for _, k := range h.Checks {
		k.settings(s)
	}
}

func (k Check) settings(s *settings) {
	at := Labelled("health.check", k.Name)
	s.add(at+".url", k.URL)
	s.number(at+".status", int64(k.Status))
	s.add(at+".address", k.Address)
	s.add(at+".command", quoted(k.Command))
	s.add(at+".names", strings.Join(k.Units, " "))
	s.add(at+".nic", k.NIC)
	s.add(at+".path", k.Path)
	s.add(at+".interval", Span(k.Interval))
	s.add(at+".timeout", Span(k.Timeout))
	s.number(at+".failures", int64(k.Failures))
}

func (u Update) settings(s *settings) {
	if u.KeepFailed {
		s.add("update.auto_rollback", "false")
	}
	s.number("update.max_parallel", int64(u.MaxParallel))
	s.number("update.canary", int64(u.Canary))
}
