package resource

import (
	"strconv"
	"strings"
	"time"
)

// System is what a container contains beyond its image.
type System struct {
	Packages []string  `json:"packages,omitempty"`
	Run      []string  `json:"run,omitempty"`
	Services []Service `json:"services,omitempty"` // sorted by name
	Users    []User    `json:"users,omitempty"`    // sorted by name
	Files    []File    `json:"files,omitempty"`    // sorted by path
}

// Service is a unit of the container's init.
type Service struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

// User is an account inside the container.
type User struct {
	Name   string   `json:"name"`
	UID    int64    `json:"uid,omitempty"` // 0: chosen by the build
	Home   string   `json:"home"`
	Shell  string   `json:"shell"`
	Groups []string `json:"groups,omitempty"`
}

// Build says what a system layer may reach while it is built.
type Build struct {
	Network string        `json:"network,omitempty"`
	Egress  []Egress      `json:"egress,omitempty"` // sorted by name
	Timeout time.Duration `json:"timeout"`
}

// Rootfs bounds the writable layer.
type Rootfs struct {
	Ephemeral bool  `json:"ephemeral,omitempty"`
	Size      int64 `json:"size,omitempty"` // bytes; 0: no limit
}

// contents lists what is put into the root filesystem.
func (c Container) contents(s *settings) {
	for _, f := range c.Files {
		f.settings("file", s)
	}
	if y := c.System; y != nil {
		y.settings(s)
	}
	if b := c.Build; b != nil {
		s.add("build.network", b.Network)
		for _, e := range b.Egress {
			s.flag(Labelled("build.egress", e.Name), true)
		}
		s.add("build.timeout", Span(b.Timeout))
	}
	s.flag("rootfs.ephemeral", c.Rootfs.Ephemeral)
	s.add("rootfs.size", Bytes(c.Rootfs.Size))
}

func (y System) settings(s *settings) {
	s.add("system.packages", strings.Join(y.Packages, " "))
	s.add("system.run", quoted(y.Run))
	for _, v := range y.Services {
		s.add(Labelled("system.service", v.Name)+".enabled", strconv.FormatBool(v.Enabled))
	}
	for _, u := range y.Users {
		at := Labelled("system.user", u.Name)
		s.number(at+".uid", u.UID)
		s.add(at+".home", u.Home)
		s.add(at+".shell", u.Shell)
		s.add(at+".groups", strings.Join(u.Groups, " "))
	}
	for _, f := range y.Files {
		f.settings("system.file", s)
	}
}

// quoted tells texts apart that have blanks of their own.
func quoted(list []string) string {
	words := make([]string, len(list))
	for i, text := range list {
		words[i] = strconv.Quote(text)
	}
	return strings.Join(words, " ")
}
