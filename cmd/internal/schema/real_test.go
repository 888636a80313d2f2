package schema_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"strake/reconcile"
	"strake/reconcile/event"
	"strake/reconcile/host/hosttest"
	"strake/reconcile/host/vault"
	"strake/reconcile/plan"
	"strake/reconcile/state"
	language "strake/spec/lang"
	"strake/spec/source"
)

// TestReal: plans and events of runs are what their schemas say, where
// containers are made, changed and left as they are.
func TestReal(t *testing.T) {
	plans, events, told := compiled(t, "plan"), compiled(t, "event"), 0
	h, l := hosttest.New(), &hosttest.Layers{}
	e := &reconcile.Engine{
		Host: reconcile.Host{Containers: h, Devices: h, Filter: h, Leases: h.Leases(), Roots: h, Units: h, Images: hosttest.Images{}, Disks: hosttest.Disks{}, Layers: l, Builder: l,
			Subids: h, Vault: vault.Open(t.TempDir()), Probes: h, Outlets: h.Outlets()},
		State: state.Open(t.TempDir(), hosttest.Render),
		Event: func(e event.Event) {
			told++
			holds(t, func(text []byte) error { return validate(t, events, text) }, e)
		},
	}
	for _, memory := range []string{"64MiB", "128MiB", "128MiB"} {
		w := wish(t, memory)
		w.MoveStack = true // each text is in a folder of its own
		p, err := e.Plan(context.Background(), w)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, func(text []byte) error { return validate(t, plans, text) }, p)
		if _, err := e.Apply(context.Background(), w, reconcile.How{Approve: func(plan.Plan) error { return nil }}); err != nil {
			t.Fatal(err)
		}
	}
	if told < 10 {
		t.Errorf("only %d events", told)
	}
}

// wish is a stack with something of everything that is carried out live.
func wish(t *testing.T, memory string) reconcile.Wish {
	file := filepath.Join(t.TempDir(), "t.hcl")
	text := `
network "n" {
  ipv4 = "10.9.0.1/24"
}

container "a" {
  environment = { A = "1" }

  limits {
    memory = "` + memory + `"
  }

  nic "eth0" {
    network = network.n
  }
}

container "b" {
  running    = false
  depends_on = [container.a]
}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := source.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	stack, ds := language.Load(read, language.Variables{})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	return reconcile.Wish{Stack: stack, Source: "t.hcl", Origin: file}
}

func holds(t *testing.T, validate func([]byte) error, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(text); err != nil {
		t.Errorf("%s\n%v", text, err)
	}
}
