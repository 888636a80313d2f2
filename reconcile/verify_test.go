package reconcile

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"strake/reconcile/event"
	"strake/reconcile/host/hosttest"
	"strake/reconcile/resource"
)

// shelf is a store of images that can rot.
type shelf struct {
	hosttest.Images
	made map[string]time.Time
	bad  map[string]error
	read []string
}

func (s *shelf) Made() (map[string]time.Time, error) { return maps.Clone(s.made), nil }

func (s *shelf) Verify(_ context.Context, digest string) error {
	s.read = append(s.read, digest)
	return s.bad[digest]
}

func (s *shelf) Reject(digest string) error {
	if _, there := s.made[digest]; !there {
		return resource.ErrNotFound
	}
	delete(s.made, digest)
	return nil
}

// scrub calls until nothing is due.
func (b *bench) scrub(every time.Duration) (next time.Time, err error) {
	b.t.Helper()
	for range 100 {
		var done bool
		if done, next, err = b.Scrub(ctx, every); !done || err != nil {
			return next, err
		}
	}
	b.t.Fatal("it has no end")
	return next, err
}

// TestScrub: what is due is read once, by whoever reads it; what is damaged goes
// aside and is told with who needs it, and nothing starts on it again.
func TestScrub(t *testing.T) {
	b := newBench(t)
	var told []event.Event
	b.Event = func(e event.Event) {
		if e.Kind == event.Store {
			told = append(told, e)
		}
	}
	b.apply(web(container("c1"), container("c2")))
	c1, _, err := b.Current("c1")
	if err != nil {
		t.Fatal(err)
	}
	image := c1.Image.Digest
	now, hour := time.Now(), time.Hour
	s := &shelf{made: map[string]time.Time{"old": now.Add(-3 * hour), "fresh": now, image: now.Add(-2 * hour)}, bad: map[string]error{}}
	b.Host.Images = s

	if _, err := b.scrub(hour); err != nil || !slices.Equal(s.read, []string{"old"}) {
		t.Fatalf("read %v, %v: one at a time", s.read, err)
	}
	// Whoever reads the rest: none of it is due again, though nobody who knows of it is there any more.
	if _, err := b.Verify(ctx); err != nil || len(s.read) != 4 {
		t.Fatalf("read %v, %v", s.read, err)
	}
	next, err := b.scrub(hour)
	if err != nil || len(s.read) != 4 || time.Until(next) < hour/2-time.Minute || time.Until(next) > hour {
		t.Errorf("read %v, next in %s, %v", s.read, time.Until(next), err)
	}

	s.bad[image] = fmt.Errorf("image %s: %w: it is another one now", image, resource.ErrDamaged)
	s.made = map[string]time.Time{image: {}}
	up := b.live("c1")
	if err := os.WriteFile(filepath.Join(b.State.Path(), "scrub.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.scrub(hour); err != nil || len(s.made) != 0 {
		t.Fatalf("there is %v, %v", s.made, err)
	}
	if len(told) != 1 || told[0].Outcome != event.Damaged || !strings.Contains(told[0].Error, "it is another one now") || !strings.Contains(told[0].Message, "c1 1; c2 1: `strake restart NAME`") {
		t.Errorf("told %+v", told)
	}
	if b.live("c1").Started != up.Started {
		t.Error("what ran was restarted")
	}
	list, err := b.Status(ctx)
	if err != nil || !slices.Contains(list[0].Standings, Damaged) || !slices.Contains(list[1].Standings, Damaged) {
		t.Errorf("stand %v, %v: %v", list[0].Standings, list[1].Standings, err)
	}
	if readings, err := b.State.Readings(); err != nil || len(readings) > 1 {
		t.Errorf("known of: %v, %v", readings, err)
	}

	// Whatever ends it, the next start is on what there is then.
	b.Host.Images = hosttest.Images{}
	b.host.Kill(ctx, "c1")
	before := b.host.Calls["Unmount"]
	if err := b.Start(ctx, "c1"); err != nil {
		t.Fatal(err)
	}
	if b.host.Calls["Unmount"] == before {
		t.Error("it started on what was mounted")
	}
	if list, err = b.Status(ctx, "c1"); err != nil || slices.Contains(list[0].Standings, Damaged) {
		t.Errorf("stands %v, %v", list[0].Standings, err)
	}
}

// TestScrubGoesOn: what can't be read is told, and others have their turn.
func TestScrubGoesOn(t *testing.T) {
	b := newBench(t)
	if err := os.MkdirAll(b.State.Path(), 0o700); err != nil {
		t.Fatal(err)
	}
	s := &shelf{made: map[string]time.Time{"a": {}, "b": {}}, bad: map[string]error{"a": os.ErrPermission}}
	b.Host.Images = s
	if _, err := b.scrub(time.Hour); err == nil || !slices.Equal(s.read, []string{"a"}) {
		t.Errorf("read %v, and nothing went wrong", s.read)
	}
	if next, err := b.scrub(time.Hour); err != nil || len(s.read) != 1 || time.Until(next) > 15*time.Minute {
		t.Errorf("read %v, next in %s, %v", s.read, time.Until(next), err)
	}
	s.made = nil
	if next, err := b.scrub(time.Hour); err != nil || time.Until(next) < 29*time.Minute {
		t.Errorf("of nothing: next in %s, %v", time.Until(next), err)
	}
}
