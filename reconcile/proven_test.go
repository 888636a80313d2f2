package reconcile

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestStatusHealth: status says what was found last, and what was taken back
// and why.
func TestStatusHealth(t *testing.T) {
	b := newBench(t)
	b.host.Serve("http://:80/", nil)
	b.apply(web(container("c1", memory(64<<20), healthy(page("http://:80/"))), container("c2")))
	_, _ = b.Apply(context.Background(), web(container("c1", memory(128<<20), healthy(page("http://:81/"))), container("c2")), how)
	_, _ = b.Apply(context.Background(), web(container("c1", memory(64<<20), healthy(page("http://:80/"))), container("c2"), container("c3", healthy(page("http://:81/")))), how)
	list, err := b.Status(context.Background())
	if err != nil || len(list) != 3 {
		t.Fatal(list, err)
	}
	c1, c2, c3 := list[0], list[1], list[2]
	if c1.Health.Is != "healthy" || time.Since(c1.Health.At) > time.Minute || c2.Health.Is != "unchecked" || c2.Rejected != nil {
		t.Errorf("%+v %+v", c1.Health, c2.Health)
	}
	if r := c1.Rejected; r == nil || r.Generation != 2 || r.Why != "unhealthy" || !strings.Contains(r.Said, "connection refused") {
		t.Errorf("%+v", c1.Rejected)
	}
	if c3.Health.Is != "failed" || !strings.Contains(c3.Health.Why, "connection refused") {
		t.Errorf("%+v", c3.Health)
	}
}
