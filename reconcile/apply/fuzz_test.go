package apply_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"strake/generations"
	"strake/reconcile/apply"
	"strake/reconcile/host/hosttest"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// journal is that of a run which got as far as some step.
func journal(f *testing.F, p plan.ContainerPlan, steps ...plan.Kind) []byte {
	f.Helper()
	p.Name, p.To, p.UUID = "c", 2, "u"
	for _, k := range steps {
		p.Steps = append(p.Steps, plan.Step{Do: k, NIC: "eth0"})
	}
	text, err := json.Marshal(map[string]any{"run": apply.Run{ID: "run", Kind: generations.Apply}, "plan": p})
	if err != nil {
		f.Fatal(err)
	}
	return text
}

// FuzzJournal holds that whatever a journal says, the way back ends, and stays
// within the folder of the container that it lies in. What a container has in
// use is never taken for what a run has made.
func FuzzJournal(f *testing.F) {
	c := resource.Container{Name: "c", Running: true, NICs: []resource.NIC{{Name: "eth0", Bridge: "b"}}}
	had := plan.ContainerPlan{Want: &c, Last: &c, From: 1}
	f.Add(journal(f, plan.ContainerPlan{Want: &c}, plan.DoPrepare, plan.DoRecord, plan.DoSwitch, plan.DoConfig, plan.DoMount, plan.DoStart))
	f.Add(journal(f, had, plan.DoStop, plan.DoUnmount, plan.DoRename, plan.DoAddNIC, plan.DoLimits, plan.DoHostname, plan.DoEnvironment, plan.DoSecrets))
	f.Add(journal(f, plan.ContainerPlan{Last: &c, From: 1}, plan.DoStop, plan.DoUnmount, plan.DoRetire))
	for _, text := range []string{"", "\x00\x00", "{}", `{"plan":{"name":"c","steps":[{"do":"hostname"}]}}`, `{"run":{"id":"../../d"},"plan":{"name":"c","was":"../../out"}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		root := t.TempDir()
		d := state.Open(filepath.Join(root, "state"), hosttest.Render)
		used(t, d, "c", c)
		used(t, d, "d", c)
		must(t, d.SetJournal("c", text))
		must(t, os.WriteFile(filepath.Join(root, "out"), nil, 0o600))
		h := hosttest.New()
		begin := time.Now()
		_, _ = apply.Recover(context.Background(), apply.Host{Containers: h, Devices: h, Filter: h, Leases: h.Leases(), Roots: h, Disks: hosttest.Disks{}, Store: d, Secrets: nobody{}}, nil)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		_, err := os.Stat(filepath.Join(root, "out"))
		must(t, err)
		for _, name := range []string{"c", "d"} {
			if n, err := holder(d, name).Current(); err != nil || n == 0 {
				t.Errorf("what %s had in use is gone: %d, %v", name, n, err)
			}
		}
	})
}

// holder is the book of a container, or of what it was renamed to.
func holder(d *state.Dir, name string) *generations.Book {
	names, _ := d.Containers()
	for _, n := range names {
		if id, _ := d.Book(n).ID(); id == "id-of-"+name {
			return d.Book(n)
		}
	}
	return d.Book(name)
}

// used is a container that has a generation in use.
func used(t *testing.T, d *state.Dir, name string, c resource.Container) {
	t.Helper()
	files, err := d.Render(c)
	b := d.Book(name)
	must(t, err)
	must(t, errors.Join(
		b.Write(generations.Record{Number: 1, ID: "id-of-" + name, Created: time.Unix(0, 0).UTC()}, files),
		b.Switch(1),
		b.Activate(generations.Activation{Generation: 1, Kind: generations.Apply, Outcome: generations.Healthy}),
	))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// nobody has no secrets.
type nobody struct{}

func (nobody) Reveal(string) ([]byte, error) { return nil, errors.New("none") }
