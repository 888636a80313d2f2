package health

import (
	"errors"
	"strings"
	"testing"
	"time"

	"strake/reconcile/resource"
)

var (
	start  = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	errBad = errors.New("connection refused")
)

// moment is what a check said so many seconds after the start.
type moment struct {
	after float64
	check string
	err   error
}

func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

func TestVerdicts(t *testing.T) {
	two := resource.Health{
		StartPeriod: 3 * time.Second, Interval: time.Second, Timeout: time.Second, Failures: 2, MinHealthy: 4 * time.Second, Deadline: 20 * time.Second,
		Checks: []resource.Check{{Name: "http"}, {Name: "tcp", Failures: 3}},
	}
	tests := map[string]struct {
		health resource.Health
		seen   []moment
		when   float64
		want   Verdict
		why    string
	}{
		"nothing seen":              {two, nil, 5, Waiting, ""},
		"one of two":                {two, []moment{{1, "http", nil}}, 9, Waiting, ""},
		"both, not yet long":        {two, []moment{{1, "http", nil}, {2, "tcp", nil}}, 5.9, Waiting, ""},
		"both, long":                {two, []moment{{1, "http", nil}, {2, "tcp", nil}}, 6, Healthy, ""},
		"one falls back":            {two, []moment{{1, "http", nil}, {2, "tcp", nil}, {4, "http", errBad}, {5, "http", nil}}, 8, Waiting, ""},
		"and holds again":           {two, []moment{{1, "http", nil}, {2, "tcp", nil}, {4, "http", errBad}, {5, "http", nil}}, 9, Healthy, ""},
		"the start period":          {two, []moment{{0, "http", errBad}, {1, "http", errBad}, {2.9, "http", errBad}, {3, "http", errBad}}, 4, Waiting, ""},
		"failures in a row":         {two, []moment{{3, "http", errBad}, {4, "http", errBad}}, 4, Unhealthy, "check http failed 2 times in a row: connection refused"},
		"not in a row":              {two, []moment{{3, "http", errBad}, {4, "http", nil}, {5, "http", errBad}}, 5, Waiting, ""},
		"a bound of its own":        {two, []moment{{3, "tcp", errBad}, {4, "tcp", errBad}}, 4, Waiting, ""},
		"reached":                   {two, []moment{{3, "tcp", errBad}, {4, "tcp", errBad}, {5, "tcp", errBad}}, 5, Unhealthy, "check tcp failed 3 times in a row"},
		"certain at once":           {two, []moment{{0, "http", errors.Join(errBad, ErrCertain)}}, 0, Unhealthy, "will not mend"},
		"never good again":          {two, []moment{{0, "http", errors.Join(errBad, ErrCertain)}, {1, "http", nil}, {1, "tcp", nil}}, 9, Unhealthy, "will not mend"},
		"the deadline":              {two, []moment{{19, "http", errBad}, {19, "tcp", nil}}, 20, Unhealthy, "not healthy within 20s: check http: connection refused"},
		"the deadline, no answer":   {two, []moment{{19, "http", nil}}, 20, Unhealthy, "check tcp never came to an end"},
		"the deadline, too short":   {two, []moment{{19, "http", nil}, {19, "tcp", nil}}, 20, Unhealthy, "did not hold for 4s"},
		"good just before it":       {two, []moment{{16, "http", nil}, {16, "tcp", nil}}, 20, Healthy, ""},
		"no checks: it has to last": {resource.Health{MinHealthy: 2 * time.Second, Deadline: time.Minute}, nil, 1, Waiting, ""},
		"and did":                   {resource.Health{MinHealthy: 2 * time.Second, Deadline: time.Minute}, nil, 2, Healthy, ""},
	}
	for name, test := range tests {
		w := Begin(test.health, start)
		for _, m := range test.seen {
			for _, k := range test.health.Checks {
				if k.Name == m.check {
					w.Saw(k, at(m.after), m.err)
				}
			}
		}
		got, why := w.Verdict(at(test.when))
		if got != test.want || (why == nil) != (test.why == "") || why != nil && !strings.Contains(why.Error(), test.why) {
			t.Errorf("%s: %s, %v", name, got, why)
		}
	}
}

// What ended it first is the reason, whatever comes after.
func TestFirstReason(t *testing.T) {
	w := Begin(resource.Health{Failures: 1, Deadline: time.Minute, Checks: []resource.Check{{Name: "file"}}}, start)
	w.Saw(resource.Check{Name: "file"}, start, errBad)
	w.Ended(errors.New("init ended"))
	if _, err := w.Verdict(at(90)); err == nil || !strings.Contains(err.Error(), "check file failed once: connection refused") {
		t.Error(err)
	}
	if got := strings.Join(w.Latest(), ";"); got != "file: connection refused" {
		t.Error(got)
	}
}
