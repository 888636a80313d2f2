package reconcile

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"strake/reconcile/event"
	"strake/reconcile/state"
	"strake/spec"
)

func starts(order int, needs ...string) func(*spec.Container) {
	return func(c *spec.Container) {
		on := true
		c.Autostart.Enabled, c.Autostart.Order, c.DependsOn = &on, order, needs
	}
}

// TestBoot: what starts with the host comes up in order; what is up, what was
// stopped by hand and what does not start with it are left as they are.
func TestBoot(t *testing.T) {
	b := newBench(t)
	w := web(container("late", starts(9)), container("web", starts(1, "db")), container("db", starts(5)),
		container("up", starts(0)), container("word", starts(0)), container("manual"))
	b.apply(w)
	if err := b.Stop(ctx, "word", time.Second); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"late", "web", "db", "manual"} {
		b.host.Kill(ctx, name)
	}
	up := b.live("up")
	b.host.Flush()
	var done []string
	b.Event = func(e event.Event) {
		if e.Kind == event.Container && e.Outcome == event.Done {
			done = append(done, e.Container)
		}
	}
	out, err := b.Boot(ctx, 4)
	if err != nil || len(out.Results) != 3 {
		t.Fatalf("%+v, %v", out, err)
	}
	if want := []string{"db", "web", "late"}; !slices.Equal(done, want) {
		t.Errorf("came up %v, want %v", done, want)
	}
	for name, want := range map[string]bool{"late": true, "web": true, "db": true, "up": true, "word": false, "manual": false} {
		if got := b.live(name).State.Up(); got != want {
			t.Errorf("%s is up: %v", name, got)
		}
	}
	if b.live("up").Started != up.Started {
		t.Error("what was up was restarted")
	}
	if out, err := b.Boot(ctx, 4); err != nil || !out.Empty {
		t.Errorf("again: %+v, %v", out, err)
	}
	b.host.Kill(ctx, "manual")
	if n, _ := b.State.Book("db").Next(); n != 2 {
		t.Errorf("next generation is %d", n)
	}
}

// TestBootFailure: who needs what did not come up is not started; others are.
func TestBootFailure(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("db", starts(0)), container("web", starts(0, "db")), container("late", starts(7))))
	for _, name := range []string{"db", "web", "late"} {
		b.host.Kill(ctx, name)
	}
	b.host.Fail["Start db"] = ErrUnknown
	out, err := b.Boot(ctx, 4)
	if err == nil || !strings.Contains(err.Error(), "db") {
		t.Errorf("%v", err)
	}
	how := map[string]string{}
	for _, r := range out.Results {
		how[r.Name] = r.Outcome
	}
	if how["db"] != "failed" || how["web"] != "skipped" || how["late"] != "applied" {
		t.Errorf("%v", how)
	}
	if booted, noted := b.State.Booted(); !booted || !noted {
		t.Error("it is tried again by the agent's next start")
	}
}

// TestBootOnce: only the first start of the agent after the host's boot is one.
func TestBootOnce(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("c1", starts(0))))
	b.host.Kill(ctx, "c1")
	unlock, _, err := state.Open(b.State.Path(), nil).Lock(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	b.Wait = time.Millisecond
	if _, err := b.BootOnce(ctx, 1); !errors.Is(err, state.ErrBusy) {
		t.Errorf("it writes while another strake is at work: %v", err)
	}
	unlock()
	for range 2 { // nothing was noted yet: the host did not come up meanwhile
		if out, err := b.BootOnce(ctx, 1); err != nil || !out.Empty || b.live("c1").State.Up() {
			t.Fatalf("%+v, %v", out, err)
		}
	}
}
