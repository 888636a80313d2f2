package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// figure is what was measured of one thing: seconds, or megabytes.
type figure struct {
	What    string    `json:"what"`
	Unit    string    `json:"unit"` // "s", "MB"
	Samples []float64 `json:"samples,omitempty"`
	Note    string    `json:"note,omitempty"`
}

func (f *figure) add(d time.Duration) { f.Samples = append(f.Samples, d.Seconds()) }

func (f figure) measured() bool { return len(f.Samples) > 0 }

func (f figure) median() float64 {
	s := slices.Sorted(slices.Values(f.Samples))
	n := len(s)
	if n == 0 {
		return 0
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}

func (f figure) String() string {
	switch {
	case !f.measured():
		return "not measured"
	case f.Unit == "MB":
		return fmt.Sprintf("%.3g MB", f.median())
	case f.median() < 1:
		return fmt.Sprintf("%.3g ms", f.median()*1000)
	}
	return fmt.Sprintf("%.3g s", f.median())
}

// check is one "must".
type check struct {
	What  string  `json:"what"`
	Is    float64 `json:"is"`
	Limit float64 `json:"limit"`
	Least bool    `json:"least,omitempty"` // Limit is the least that will do
	Unit  string  `json:"unit"`            // "x", "ms", "MB"
	Known bool    `json:"known"`           // false: something was not measured
}

func (c check) passed() bool {
	if c.Least {
		return c.Is >= c.Limit
	}
	return c.Is <= c.Limit
}

func (c check) String() string {
	if !c.Known {
		return c.What + ": not measured"
	}
	word := "fail"
	if c.passed() {
		word = "pass"
	}
	return fmt.Sprintf("%s: %.3g%s (%s)", c.What, c.Is, map[string]string{"x": " x", "ms": " ms", "MB": " MB"}[c.Unit], word)
}

// ratio checks a against limit times b.
func ratio(what string, a, b figure, limit float64) check {
	c := check{What: what, Limit: limit, Unit: "x", Known: a.measured() && b.measured()}
	if c.Known {
		c.Is = a.median() / b.median()
	}
	return c
}

// faster checks that a is at least limit times as fast as b.
func faster(what string, a, b figure, limit float64) check {
	c := ratio(what, b, a, limit)
	c.Least = true
	return c
}

// row is a line of the table.
type row struct {
	Number int      `json:"row"`
	Work   string   `json:"work"`
	Must   string   `json:"must"`
	Strake []figure `json:"strake"`
	Beside []figure `json:"beside"` // floor and peer
	Checks []check  `json:"checks"`
}

// usage is what a whole process took.
type usage struct {
	wall time.Duration
	rss  float64 // MB at most, of it or of one of its helpers
	out  string
}

// timed runs a command to its end. Its output goes to a file: a monitor that
// kept a pipe open would be waited for.
func timed(cmd *exec.Cmd) (usage, error) {
	out, err := os.CreateTemp("", "out-")
	if err != nil {
		return usage{}, err
	}
	defer out.Close()
	defer os.Remove(out.Name())
	cmd.Stdout, cmd.Stderr = out, out
	begin := time.Now()
	err = cmd.Run()
	u := usage{wall: time.Since(begin)}
	text, readErr := os.ReadFile(out.Name())
	u.out = string(text)
	if err != nil {
		return u, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(u.out))
	}
	if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.rss = float64(ru.Maxrss) / 1024
	}
	return u, readErr
}

// quiet is for what has to happen between measurements.
func quiet(cmd *exec.Cmd) error {
	_, err := timed(cmd)
	return err
}
