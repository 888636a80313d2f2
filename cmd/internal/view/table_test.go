package view

import (
	"bytes"
	"regexp"
	"testing"
	"time"

	"strake/generations"
	"strake/reconcile"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

func stripped(s string) string { return regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(s, "") }

func statuses() []reconcile.Status {
	return []reconcile.Status{
		{Name: "db1", Stack: "web", State: resource.Running, Generation: 7, Standings: []reconcile.Standing{reconcile.InSync}, Health: reconcile.Verdict{Is: "healthy", At: time.Date(2026, 11, 28, 9, 5, 0, 0, time.Local)}, Addresses: []string{"10.9.0.2", "fd42::2"}},
		{Name: "web1", Stack: "web", State: resource.Running, Generation: 11, Standings: []reconcile.Standing{reconcile.Drifted, reconcile.Pending}, Addresses: []string{"10.9.0.3"}},
		{Name: "z", State: resource.Stopped, Generation: 1, Standings: []reconcile.Standing{reconcile.ByHand}},
	}
}

func TestStatuses(t *testing.T) {
	for name, s := range map[string]Style{"status": {}, "status-plain": {Plain: true}} {
		var b bytes.Buffer
		if err := Statuses(statuses()).Write(&b, s); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
	}
}

// TestColouredTable: the columns stand where they stand without colours.
func TestColouredTable(t *testing.T) {
	var plain, painted bytes.Buffer
	if err := Statuses(statuses()).Write(&plain, Style{}); err != nil {
		t.Fatal(err)
	}
	if err := Statuses(statuses()).Write(&painted, Style{Color: true}); err != nil {
		t.Fatal(err)
	}
	if painted.String() == plain.String() || stripped(painted.String()) != plain.String() {
		t.Errorf("painted:\n%q\nplain:\n%q", painted.String(), plain.String())
	}
}

// TestNothing: a table of nothing is nothing.
func TestNothing(t *testing.T) {
	var b bytes.Buffer
	if err := Statuses(nil).Write(&b, Style{}); err != nil || b.Len() != 0 {
		t.Errorf("it is %q, %v", b.String(), err)
	}
}

func TestDetail(t *testing.T) {
	s := statuses()[1]
	s.Drift = []plan.Change{{Path: "limits.memory", Old: "3GiB", New: "2GiB", Last: "2GiB", Impact: spec.Live, Cause: plan.Drift}}
	s.Pending = []string{`mount["/srv"].source`}
	s.Note = "a note"
	var b bytes.Buffer
	if err := Detail(&b, s, Style{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "detail", b.String())
}

func TestHistory(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 5, d, 12, 30, 0, 0, time.Local) }
	list := []reconcile.Entry{
		{Record: generations.Record{Number: 1, Created: day(1), By: "root", Impact: "live"}, Before: true, Pinned: true, Size: 8 << 10},
		{Record: generations.Record{Number: 2, Created: day(2), By: "alice", Impact: "restart", Commit: "3f2c1ab99e01234567", Message: "more memory"}, Before: true, Held: true, Size: 1536 << 10},
		{Record: generations.Record{Number: 3, Created: day(3), By: "alice", Impact: "live"}, Failed: true},
		{Record: generations.Record{Number: 4, Created: day(4), By: "alice", Impact: "live"}, Current: true, Before: true, Size: 3 << 30},
	}
	var b bytes.Buffer
	if err := History(list).Write(&b, Style{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "history", b.String())
}

func TestDiagnostics(t *testing.T) {
	ds := spec.Diagnostics{
		{Severity: spec.Error, Summary: "unsupported argument", Detail: "Did you mean \"memory\"?", Pos: spec.Pos{File: "web.hcl", Line: 12, Column: 3}, End: spec.Pos{File: "web.hcl", Line: 12, Column: 9}, Source: "\tmemroy = 1"},
		{Severity: spec.Warning, Summary: "nothing of it is used"},
	}
	var b bytes.Buffer
	if err := Diagnostics(&b, ds, Style{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "diagnostics", b.String())
}
