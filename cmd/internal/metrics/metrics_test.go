package metrics

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func page(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	return w.Body.String()
}

// TestPage: what stands on it, that the host is not looked at at each request,
// and that there are only so many names.
func TestPage(t *testing.T) {
	looks, now := 0, time.Unix(1000, 0)
	var fault error
	many := []Container{{Name: "web1", Stack: "s", Up: true, Drifted: true, Generation: 7, Egress: []Attempts{{"refused", 3, 0}, {"allowed", 2, 70}}}, {Name: "web2", Stack: "s", Failed: true, Held: true}}
	m := New("v1", func() (Scene, error) {
		looks++
		return Scene{
			Sources:    []Source{{Name: "site", State: "ok", Succeeded: time.Unix(940, 0)}, {Name: "new", State: "refused", Waiting: 2}},
			Containers: many, States: []string{"ok", "refused"},
		}, fault
	})
	m.now = func() time.Time { return now }
	m.Ran("apply", "done", 300*time.Millisecond)
	m.Started("web1")
	m.Happened("run", "done")
	m.Refused()
	text := page(t, m)
	for _, line := range []string{
		`strake_source_state{source="site",state="ok"} 1`, `strake_source_state{source="site",state="refused"} 0`,
		`strake_source_last_success_age_seconds{source="site"} 60`, `strake_source_last_success_timestamp_seconds{source="new"} 0`, `strake_source_waiting_containers{source="new"} 2`,
		`strake_container_drifted{container="web1",stack="s"} 1`, `strake_container_held{container="web2",stack="s"} 1`, `strake_container_healthy{container="web2",stack="s"} 0`,
		`strake_egress_attempts_total{container="web1",stack="s",verdict="refused"} 3`, `strake_egress_bytes_total{container="web1",stack="s",verdict="allowed"} 70`,
		`strake_container_generation{container="web1",stack="s"} 7`, `strake_containers 2`, `strake_look_failed 0`, `strake_build_info{version="v1"} 1`,
		`strake_apply_duration_seconds_bucket{command="apply",outcome="done",le="0.5"} 1`, `strake_container_starts_total{container="web1"} 1`, `strake_webhook_refused_total 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
	page(t, m)
	if looks != 1 {
		t.Errorf("looked %d times", looks)
	}
	for i := range 3 * mostContainers {
		many = append(many, Container{Name: fmt.Sprint("c", i)})
	}
	now = now.Add(fresh)
	if n := strings.Count(page(t, m), "strake_container_up{"); n != mostContainers {
		t.Errorf("%d names", n)
	}
	now, fault = now.Add(fresh), errors.New("no")
	if text := page(t, m); !strings.Contains(text, "strake_look_failed 1\n") || !strings.Contains(text, "strake_containers 3002\n") {
		t.Error("a failed look is not told")
	}
}
