package spec

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Health says how a changed container proves itself. Without checks it has to
// run, with its init alive.
type Health struct {
	StartPeriod time.Duration // failures in it don't count
	Interval    time.Duration // between two tries; 0: 2 s
	Timeout     time.Duration // of one try; 0: 5 s
	Failures    int           // in a row that mean unhealthy; 0: 3
	MinHealthy  time.Duration // how long all checks have to hold; 0: 10 s
	Deadline    time.Duration // when to give up; 0: 2 min
	Checks      []Check
}

// Check is one thing that is looked at. What it needs depends on its kind.
type Check struct {
	Name    string   // label: a kind, or "KIND/NAME" where there are several of a kind
	URL     string   // http
	Status  int      // http; 0: 200 to 399
	Address string   // tcp: "HOST:PORT"; without HOST the container itself
	Command []string // exec
	Units   []string // units
	NIC     string   // address: the interface that has to have all of its own
	Path    string   // file

	Interval time.Duration // 0: the block's
	Timeout  time.Duration
	Failures int
}

// Kind is the part of the label before the slash.
func (k Check) Kind() string {
	kind, _, _ := strings.Cut(k.Name, "/")
	return kind
}

// Update says how a change goes through.
type Update struct {
	AutoRollback *bool // nil: true
	MaxParallel  int   // of one for_each group at a time; 0: no bound of its own
	Canary       int   // how many of a group go first and have to be healthy; 0: none
}

// checkKinds lists for each kind of check what it must have, and what it may
// have beside what all have.
func checkKinds() map[string]struct{ needs, may string } {
	return map[string]struct{ needs, may string }{
		"http":    {"url", "status"},
		"tcp":     {"address", ""},
		"exec":    {"command", ""},
		"units":   {"names", ""},
		"address": {"nic", ""},
		"file":    {"path", ""},
	}
}

// span checks a duration that was written.
func (c *checker) span(o *Container, path string, d, least, most time.Duration) {
	if (o.said(path) || d != 0) && (d < least || d > most) {
		c.wrong(o, path, fmt.Sprintf("%s %s is out of range", path, d), fmt.Sprintf("It is between %s and %s.", least, most))
	}
}

func (c *checker) health(o *Container) {
	h := o.Health
	if h == nil {
		return
	}
	c.span(o, "health.start_period", h.StartPeriod, 0, time.Hour)
	c.span(o, "health.min_healthy", h.MinHealthy, 0, time.Hour)
	c.span(o, "health.deadline", h.Deadline, time.Second, 24*time.Hour)
	c.pace(o, "health.", h.Interval, h.Timeout, h.Failures)
	if h.Deadline > 0 && h.Deadline < h.StartPeriod+h.MinHealthy {
		c.wrong(o, "health.deadline", fmt.Sprintf("deadline %s is before start_period and min_healthy have passed", h.Deadline), "It would never become healthy. Make it longer than both together.")
	}
	for i := range h.Checks {
		c.check(o, &h.Checks[i])
	}
}

// pace checks how often, how long and how many times something is tried.
func (c *checker) pace(o *Container, prefix string, interval, timeout time.Duration, failures int) {
	c.span(o, prefix+"interval", interval, 100*time.Millisecond, time.Hour)
	c.span(o, prefix+"timeout", timeout, 100*time.Millisecond, time.Hour)
	if (o.said(prefix+"failures") || failures != 0) && (failures < 1 || failures > 1000) {
		c.wrong(o, prefix+"failures", fmt.Sprintf("failures %d is out of range", failures), "It counts failures in a row: from 1 to 1000.")
	}
}

func (c *checker) check(o *Container, k *Check) {
	at := `health.check["` + k.Name + `"]`
	what := "check " + quote(k.Name) + ": "
	kind, known := checkKinds()[k.Kind()]
	_, name, several := strings.Cut(k.Name, "/")
	if !known || several && nameFault(name) != "" {
		c.wrong(o, at, what+"this is not a kind of check", `The label is "http", "tcp", "exec", "units", "address" or "file"; of several of one kind with a name behind it, "http/admin".`)
		return
	}
	for _, other := range checkKinds() {
		for _, key := range strings.Fields(other.needs + " " + other.may) {
			if o.said(at+"."+key) && key != kind.needs && key != kind.may {
				c.wrong(o, at+"."+key, what+key+" does not go with this kind", "A check of kind "+k.Kind()+" has "+kind.needs+".")
			}
		}
	}
	c.pace(o, at+".", k.Interval, k.Timeout, k.Failures)
	if !o.said(at + "." + kind.needs) {
		c.wrong(o, at+"."+kind.needs, what+"it has no "+kind.needs, "Write "+exampleOf(kind.needs)+".")
		return
	}
	if why := k.fault(o); why != "" {
		c.wrong(o, at+"."+kind.needs, what+why, "Write "+exampleOf(kind.needs)+".")
	}
	if o.said(at+".status") && (k.Status < 100 || k.Status > 599) {
		c.wrong(o, at+".status", fmt.Sprintf("%sstatus %d is no status of HTTP", what, k.Status), "It is between 100 and 599. Leave it out: 200 to 399 are healthy.")
	}
}

func exampleOf(key string) string {
	return map[string]string{
		"url": `url = "http://:8080/healthz"`, "address": `address = ":5432"`, "command": `command = ["pg_isready"]`,
		"names": `names = ["nginx.service"]`, "nic": `nic = "eth0"`, "path": `path = "/run/ready"`,
	}[key]
}

// fault says what is wrong with what a check looks at, or nothing.
func (k *Check) fault(o *Container) string {
	switch k.Kind() {
	case "http":
		u, err := url.Parse(k.URL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || strings.ContainsAny(k.URL, " \t") || u.Port() != "" && !portText(u.Port()) {
			return "url " + quote(k.URL) + " is not the address of a page"
		}
	case "tcp":
		if host, p, err := net.SplitHostPort(k.Address); err != nil || !portText(p) || strings.ContainsAny(host, " \t/") {
			return "address " + quote(k.Address) + " is not HOST:PORT or :PORT"
		}
	case "exec":
		if len(k.Command) == 0 || k.Command[0] == "" || slices.ContainsFunc(k.Command, func(w string) bool { return strings.ContainsRune(w, 0) }) {
			return "command is not a command"
		}
	case "units":
		return unitsFault(k.Units)
	case "address":
		if !slices.ContainsFunc(o.NICs, func(n NIC) bool { return n.Name == k.NIC }) {
			return "there is no nic " + quote(k.NIC)
		}
	case "file":
		if why := pathFault(k.Path); why != "" {
			return "path " + quote(k.Path) + " " + why
		}
	}
	return ""
}

func unitsFault(names []string) string {
	if len(names) == 0 {
		return "names is empty"
	}
	for _, name := range names {
		if why := unitFault(name); why != "" {
			return "unit " + quote(name) + " " + why
		}
	}
	return ""
}

func portText(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && port(n)
}

func (c *checker) update(o *Container) {
	u := o.Update
	if (o.said("update.max_parallel") || u.MaxParallel != 0) && (u.MaxParallel < 1 || u.MaxParallel > 1000) {
		c.wrong(o, "update.max_parallel", fmt.Sprintf("max_parallel %d is out of range", u.MaxParallel), "It counts containers at a time: from 1 to 1000. Leave it out for no bound of its own.")
	}
	if o.said("update.canary") && (u.Canary < 0 || u.Canary > 1000) {
		c.wrong(o, "update.canary", fmt.Sprintf("canary %d is out of range", u.Canary), "It counts the containers that go first: from 0 to 1000.")
	}
}
