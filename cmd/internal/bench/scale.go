package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"strake/cmd/internal/view"
	"strake/reconcile/desired"
	"strake/reconcile/idmap"
	"strake/reconcile/ledger"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
	"strake/spec/lang"
	"strake/spec/source"
)

// scale is row 7: text of very many containers, on a host that has nothing yet.
func (y *yard) scale() ([]row, error) {
	r := row{Number: 7, Work: "from text to a printed plan for 10,000 containers, in a process of its own", Must: "<= 2 s; <= 1000 MB; linear"}
	for _, form := range []string{"for_each", "blocks"} {
		if err := y.scaled(&r, form); err != nil {
			return nil, err
		}
	}
	return []row{r}, nil
}

// scaled measures one way to write them, at three sizes.
func (y *yard) scaled(r *row, form string) error {
	var time, memory []figure
	for _, n := range []int{100, 1000, 10_000} {
		folder := filepath.Join(y.Dir, fmt.Sprintf("scale-%s-%d", form, n))
		if err := os.Mkdir(folder, 0o700); err != nil {
			return err
		}
		if err := forms()[form](folder, n); err != nil {
			return err
		}
		wall := figure{What: fmt.Sprintf("%d, %s", n, form), Unit: "s"}
		rss := figure{What: "memory", Unit: "MB"}
		if err := y.repeat(func(int) error { return y.planned(folder, &wall, &rss) }); err != nil {
			return err
		}
		time, memory = append(time, wall), append(memory, rss)
	}
	most := len(time) - 1
	time[most].Note = memory[most].String()
	r.Strake = append(r.Strake, time...)
	r.Checks = append(r.Checks,
		check{What: form, Is: 1000 * time[most].median(), Limit: 2000, Unit: "ms", Known: true},
		check{What: form, Is: memory[most].median(), Limit: 1000, Unit: "MB", Known: true},
		ratio(form+", 10,000 in times 1,000", time[most], time[most-1], 12))
	return nil
}

// planned measures one process that only reads and plans.
func (y *yard) planned(folder string, wall, rss *figure) error {
	cmd := exec.Command("/proc/self/exe", folder)
	cmd.Env = append(slices.Clone(os.Environ()), stage+"=planner")
	return y.sample(wall, func() (time.Duration, error) {
		u, err := timed(cmd)
		rss.Samples = append(rss.Samples, u.rss)
		return u.wall, err
	})
}

// planOnly is what that process does; the garbage is strake's.
func planOnly(folder string) error {
	debug.SetGCPercent(400)
	_, err := conclude(folder, os.Stdout)
	return err
}

// forms are the two ways to write many containers.
func forms() map[string]func(folder string, n int) error {
	return map[string]func(string, int) error{"for_each": eachOfMap, "blocks": blocksInFiles}
}

const common = `network "lan" {
  ipv4 = "10.0.0.1/8"
}

profile "base" {
  autostart   = true
  environment = { LANG = "C.UTF-8" }

  limits {
    memory    = "64MiB"
    processes = 400
  }
}
`

const settings = `
  nic "eth0" {
    network = network.lan
  }

  limits {
    cpus = 0.5
  }
}
`

// eachOfMap writes one block over a map of n elements.
func eachOfMap(folder string, n int) error {
	var b strings.Builder
	b.WriteString(common + "\nlocals {\n  sites = {\n")
	for i := range n {
		fmt.Fprintf(&b, "    s%05d = %d\n", i, 10000+i)
	}
	b.WriteString("  }\n}\n\ncontainer \"c\" {\n  for_each    = local.sites\n  profiles    = [profile.base]\n  hostname    = \"h-${each.key}\"\n  environment = { PORT = each.value }\n" + settings)
	return os.WriteFile(filepath.Join(folder, "all.hcl"), []byte(b.String()), 0o600)
}

// blocksInFiles writes n blocks in a hundred files.
func blocksInFiles(folder string, n int) error {
	if err := os.WriteFile(filepath.Join(folder, "common.hcl"), []byte(common), 0o600); err != nil {
		return err
	}
	for file := range 100 {
		var b strings.Builder
		for i := file; i < n; i += 100 {
			fmt.Fprintf(&b, "container \"c%05d\" {\n  profiles    = [profile.base]\n  hostname    = \"h-${lower(\"C%d\")}\"\n  environment = { PORT = %d }\n%s\n", i, i, 10000+i, settings)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%03d.hcl", file)), []byte(b.String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// conclude goes the whole way from text to a plan, on a host that has nothing
// yet, and prints it.
func conclude(folder string, out io.Writer) (plan.Plan, error) {
	text, err := source.Read(folder)
	if err != nil {
		return plan.Plan{}, err
	}
	stack, found := lang.Load(text, lang.Variables{})
	if found.HasErrors() {
		return plan.Plan{}, found
	}
	want, err := desired.Build(desired.Input{
		Spec: stack, Ledger: ledger.New("00000000"), UUID: counted(), Pool: []idmap.Range{{Base: 1 << 20, Size: 3 << 30}},
	})
	if err != nil {
		return plan.Plan{}, err
	}
	p := plan.Compute(plan.Input{Stack: stack.Name, Subjects: absent(stack, want), Networks: newNetworks(want)})
	return p, view.Plan(out, p, view.PlanOptions{})
}

func absent(stack spec.Stack, want desired.Want) []plan.Subject {
	texts := make(map[string]spec.Container, len(stack.Containers))
	for _, c := range stack.Containers {
		texts[c.Name] = c
	}
	list := make([]plan.Subject, len(want.Containers))
	for i := range want.Containers {
		c := &want.Containers[i]
		list[i] = plan.Subject{
			Name: c.Name, Want: c, At: desired.Positions(stack, texts[c.Name]), Pos: texts[c.Name].Pos, UUID: want.UUID(c.Name), Next: 1,
			Have: resource.Observed{Name: c.Name, State: resource.Stopped},
		}
	}
	return list
}

func newNetworks(want desired.Want) []plan.NetworkSubject {
	var list []plan.NetworkSubject
	for i := range want.Networks {
		list = append(list, plan.NetworkSubject{Name: want.Networks[i].Name, Want: &want.Networks[i]})
	}
	return list
}

func counted() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
}
