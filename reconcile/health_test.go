package reconcile

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"strake/reconcile/apply"
	"strake/reconcile/event"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// healthy gives a container checks that are answered at once.
func healthy(checks ...spec.Check) func(*spec.Container) {
	return func(c *spec.Container) {
		c.Health = &spec.Health{Interval: time.Millisecond, Failures: 2, MinHealthy: 0, Deadline: 5 * time.Second, Checks: checks}
		c.At = map[string]spec.Pos{"health.min_healthy": {}}
	}
}

func page(url string) spec.Check { return spec.Check{Name: "http", URL: url} }

func (b *bench) outcomes(name string) (list []string) {
	b.t.Helper()
	acts, err := b.State.Book(name).Activations()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, a := range acts {
		list = append(list, string(a.Outcome))
	}
	return list
}

// A change that does not prove itself is taken back, is remembered, and is not
// tried again until it is another one.
func TestUnhealthyChangeGoesBack(t *testing.T) {
	b := newBench(t)
	b.host.Serve("http://:80/", nil)
	one := web(container("c1", memory(64<<20), healthy(page("http://:80/"))))
	b.apply(one)
	init := b.live("c1").Init
	two := web(container("c1", memory(128<<20), healthy(page("http://:81/"))))
	out, err := b.Apply(context.Background(), two, how)
	if !errors.Is(err, apply.ErrUnhealthy) || !errors.Is(err, apply.ErrRolledBack) {
		t.Fatalf("%v", err)
	}
	r := out.Results[0]
	if r.Outcome != "rolled back" || r.Rejected != 2 || !strings.Contains(r.Error, "check http failed 2 times in a row: connection refused") {
		t.Errorf("%+v", r)
	}
	if !slices.ContainsFunc(r.Evidence, func(e apply.Evidence) bool {
		return e.What == "checks" && strings.Contains(e.Text, "http: connection refused")
	}) {
		t.Errorf("%+v", r.Evidence)
	}
	live := b.live("c1")
	if n, _ := b.State.Book("c1").Current(); n != 1 || live.Limits.Memory != 64<<20 || live.Init != init {
		t.Errorf("generation %d, %+v", n, live)
	}
	if got := b.outcomes("c1"); !slices.Equal(got, []string{"healthy", "failed"}) {
		t.Error(got)
	}
	if p := b.plan(two); p.Containers[0].Action != plan.Held || !strings.Contains(p.Containers[0].Note, "was unhealthy") {
		t.Errorf("%+v", p.Containers[0])
	}
	if st, err := b.Status(context.Background(), "c1"); err != nil || !slices.Equal(st[0].Standings, []Standing{Held}) {
		t.Errorf("%+v %v", st, err)
	}
	if p := b.plan(one); !p.Empty() {
		t.Errorf("%+v", p.Containers[0].Changes)
	}
	b.host.Serve("http://:82/", nil)
	b.apply(web(container("c1", memory(128<<20), healthy(page("http://:82/")))))
	if n, _ := b.State.Book("c1").Current(); n != 3 {
		t.Errorf("generation %d", n)
	}
	if n, err := b.State.Book("c1").Back(); n != 1 || err != nil {
		t.Errorf("back to %d, %v: what failed was never in use", n, err)
	}
}

// Other checks alone are a change as well, and have to hold before it is recorded.
func TestOtherChecksProveThemselves(t *testing.T) {
	b := newBench(t)
	b.host.Serve("http://:80/", nil)
	b.apply(web(container("c1", healthy(page("http://:80/")))))
	bad := web(container("c1", healthy(page("http://:81/"))))
	if _, err := b.Apply(context.Background(), bad, how); !errors.Is(err, apply.ErrUnhealthy) || !errors.Is(err, apply.ErrRolledBack) {
		t.Errorf("%v", err)
	}
	b.host.Serve("http://:82/", nil)
	b.apply(web(container("c1", healthy(page("http://:82/")))))
	b.apply(web(container("c1")))
	if _, err := b.Rollback(context.Background(), Target{Container: "c1", Generation: 1}, how); err != nil {
		t.Error(err)
	}
	if got := b.outcomes("c1"); !slices.Equal(got, []string{"healthy", "failed", "healthy", "healthy", "healthy"}) {
		t.Error(got)
	}
}

// Where there is nothing to go back to, the container is stopped and kept.
func TestUnhealthyCreateIsKept(t *testing.T) {
	b := newBench(t)
	w := web(container("c1", healthy(page("http://:81/"))))
	out, err := b.Apply(context.Background(), w, how)
	if !errors.Is(err, apply.ErrUnhealthy) || out.Results[0].Outcome != "failed" {
		t.Fatalf("%v %+v", err, out.Results)
	}
	if b.live("c1").State.Up() {
		t.Error("it runs")
	}
	if p := b.plan(w); p.Containers[0].Action != plan.Held {
		t.Errorf("%+v", p.Containers[0])
	}
	if st, err := b.Status(context.Background(), "c1"); err != nil || !slices.Equal(st[0].Standings, []Standing{Failed, Held}) {
		t.Errorf("%+v %v", st, err)
	}
	b.host.Serve("http://:80/", nil)
	b.apply(web(container("c1", healthy(page("http://:80/")))))
	if !b.live("c1").State.Up() {
		t.Error("a text that is well does not start it")
	}
	if st, err := b.Status(context.Background(), "c1"); err != nil || !slices.Equal(st[0].Standings, []Standing{InSync}) {
		t.Errorf("%+v %v", st, err)
	}
}

// A canary that failed holds its group back, also where it is left as it is.
func TestCanaryThatIsLeftHoldsItsGroup(t *testing.T) {
	b := newBench(t)
	one := func(name string, more ...func(*spec.Container)) spec.Container {
		c := container(name, more...)
		no := false
		c.Group, c.Update.AutoRollback, c.Update.Canary = "g", &no, 1
		return c
	}
	b.apply(web(one("c1"), one("c2")))
	bad := healthy(page("http://:81/"))
	two := web(one("c1", memory(64<<20), bad), one("c2", memory(64<<20), bad))
	for range 2 {
		_, _ = b.Apply(context.Background(), two, how)
		if c1, c2 := b.live("c1"), b.live("c2"); c1.Limits.Memory != 64<<20 || c2.Limits.Memory == 64<<20 {
			t.Errorf("%+v, %+v", c1.Limits, c2.Limits)
		}
	}
	if p := b.plan(two); p.Containers[0].Action != plan.Held || p.Containers[1].Behind != "c1" {
		t.Errorf("%+v", p.Containers)
	}
}

// With auto_rollback = false what failed is left running, to be looked at.
func TestUnhealthyIsLeftWhenSaid(t *testing.T) {
	b := newBench(t)
	keep := func(c *spec.Container) { no := false; c.Update.AutoRollback = &no }
	b.apply(web(container("c1", keep)))
	out, err := b.Apply(context.Background(), web(container("c1", keep, memory(64<<20), healthy(page("http://:81/")))), how)
	if !errors.Is(err, apply.ErrUnhealthy) || out.Results[0].Outcome != "failed" {
		t.Fatalf("%v %+v", err, out.Results)
	}
	if live := b.live("c1"); !live.State.Up() || live.Limits.Memory != 64<<20 {
		t.Errorf("%+v", live)
	}
	if n, err := b.State.Book("c1").Back(); n != 1 || err != nil {
		t.Errorf("back to %d, %v", n, err)
	}
}

// An init that ends, or comes back twice, is certain: nobody waits for the
// deadline.
func TestInitThatEndsIsCertain(t *testing.T) {
	for name, happens := range map[string]func(b *bench){
		"ends":    func(b *bench) { b.host.Ends("c1") },
		"reboots": func(b *bench) { _ = b.host.Reboots("c1") },
	} {
		b := newBench(t)
		b.apply(web(container("c1")))
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			for ctx.Err() == nil {
				time.Sleep(300 * time.Millisecond)
				if _, err := b.State.Journal("c1"); err == nil {
					happens(b)
				}
			}
		}()
		slow := func(c *spec.Container) { c.Health = &spec.Health{MinHealthy: time.Minute, Deadline: 2 * time.Minute} }
		began := time.Now()
		_, err := b.Apply(context.Background(), web(container("c1", memory(64<<20), slow)), how)
		cancel()
		if !errors.Is(err, apply.ErrUnhealthy) || time.Since(began) > 30*time.Second {
			t.Errorf("%s: %v after %s", name, err, time.Since(began))
		}
	}
}

// Ctrl-C ends the waiting, and what was begun is undone: nothing is known to
// be bad.
func TestWaitingCanBeCancelled(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("c1", memory(64<<20))))
	slow := func(c *spec.Container) { c.Health = &spec.Health{MinHealthy: time.Minute, Deadline: 2 * time.Minute} }
	w := web(container("c1", memory(128<<20), slow))
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := b.Apply(ctx, w, how)
	if !errors.Is(err, apply.ErrRolledBack) || errors.Is(err, apply.ErrUnhealthy) {
		t.Errorf("%v", err)
	}
	if live := b.live("c1"); live.Limits.Memory != 64<<20 {
		t.Errorf("%+v", live)
	}
	if p := b.plan(w); p.Containers[0].Action != plan.Update {
		t.Errorf("%+v", p.Containers[0])
	}
}

// What depends on a container waits until that is healthy, and is skipped when
// it is not.
func TestDependentsWaitForHealth(t *testing.T) {
	b := newBench(t)
	var order []string
	b.Event = func(e event.Event) {
		if e.Step == string(plan.DoStart) || e.Outcome == "done" && e.Step == "" {
			order = append(order, e.Container+" "+e.Step+string(e.Outcome))
		}
	}
	b.host.Serve("http://:80/", nil)
	needs := func(c *spec.Container) { c.DependsOn = []string{"db"} }
	b.apply(web(container("db", healthy(page("http://:80/"))), container("web", needs)))
	if at := slices.Index(order, "web startbegun"); at < slices.Index(order, "db done") {
		t.Error(order)
	}
	out, err := b.Apply(context.Background(), web(
		container("db", memory(64<<20), healthy(page("http://:81/"))), container("web", needs, memory(64<<20))), how)
	if !errors.Is(err, apply.ErrUnhealthy) || out.Results[1].Outcome != "skipped" {
		t.Errorf("%v %+v", err, out.Results)
	}
}

// A secret that a check or a log tells of is in no evidence.
func TestEvidenceHoldsNoSecret(t *testing.T) {
	b := newBench(t)
	digest, err := b.Host.Vault.Keep([]byte("hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	c := resource.Container{Name: "c1", SecretFiles: []resource.SecretFile{{Target: "/run/s", Secret: resource.Secret{Digest: digest}}}}
	if got := (witness{b.Engine}).hush(c, "said hunter2 twice: hunter2"); strings.Contains(got, "hunter2") || !strings.Contains(got, "(sensitive)") {
		t.Error(got)
	}
}

// Killed between the verdict and the way back, the next command goes on where
// it ended, and what failed is on hold.
func TestRejectedAndKilled(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("c1", memory(64<<20))))
	w := web(container("c1", memory(128<<20), healthy(page("http://:81/"))))
	out, _ := b.Apply(context.Background(), w, How{Approve: yes, NoRollback: true})
	if out.Results[0].Outcome != "left" || b.live("c1").Limits.Memory != 128<<20 {
		t.Fatalf("%+v", out.Results)
	}
	if err := b.State.Book("c1").Release(); err != nil { // as if that had not been written yet
		t.Fatal(err)
	}
	if err := b.work(context.Background(), func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if n, _ := b.State.Book("c1").Current(); n != 1 || b.live("c1").Limits.Memory != 64<<20 {
		t.Errorf("generation %d, %+v", n, b.live("c1"))
	}
	if _, err := b.State.Book("c1").Read(2); err != nil {
		t.Errorf("the generation that failed is gone: %v", err)
	}
	if hold, ok, _ := b.State.Book("c1").Held(); !ok || hold.Generation != 2 || hold.Why != "unhealthy" {
		t.Errorf("what failed may be tried again: %+v", hold)
	}
}
