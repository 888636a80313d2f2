package resource

import (
	"strings"
	"time"
)

// Egress is a list of sites that a container may reach by HTTP and HTTPS, and
// by no other way.
type Egress struct {
	Name  string   `json:"name"`
	Allow []string `json:"allow,omitempty"` // "deb.debian.org", "*.debian.org", "192.0.2.7"
	Deny  []string `json:"deny,omitempty"`  // wins over Allow
	Ports []int    `json:"ports"`
	Mode  string   `json:"mode"` // "enforce" or "report"

	Upstream         string  `json:"upstream,omitempty"` // address of a proxy to go through
	UpstreamUser     string  `json:"upstream_user,omitempty"`
	UpstreamPassword *Secret `json:"upstream_password,omitempty"`

	Limits EgressLimits `json:"limits,omitzero"`
}

// EgressLimits bound what one container may do. Zero is no limit.
type EgressLimits struct {
	Connections int           `json:"connections,omitempty"`
	Rate        int64         `json:"rate,omitempty"`  // bits per second
	Daily       int64         `json:"daily,omitempty"` // bytes
	Idle        time.Duration `json:"idle,omitempty"`
}

func (e Egress) settings(s *settings) {
	at := Labelled("egress", e.Name)
	s.add(at+".allow", strings.Join(e.Allow, " "))
	s.add(at+".deny", strings.Join(e.Deny, " "))
	s.add(at+".ports", numbers(e.Ports))
	s.add(at+".mode", e.Mode)
	s.add(at+".upstream", e.Upstream)
	s.add(at+".upstream_user", e.UpstreamUser)
	if e.UpstreamPassword != nil {
		s.add(at+".upstream_password", e.UpstreamPassword.setting())
	}
	s.number(at+".limits.connections", int64(e.Limits.Connections))
	s.add(at+".limits.rate", Rate(e.Limits.Rate))
	s.add(at+".limits.daily", Bytes(e.Limits.Daily))
	s.add(at+".limits.idle", Span(e.Limits.Idle))
}
