package cli

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"strake/reconcile"
)

// TestSuspendResume: what is suspended is left as it is, exit 8, and said so everywhere.
func TestSuspendResume(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(`  limits { memory = "64MiB" }`))
	b.must(0, "apply")
	b.must(0, "suspend", "c1", "--for", "2h", "disk", "is", "exchanged")
	b.must(0, "apply") // nothing to do is nothing to refuse
	has(t, b.must(0, "status").out, "suspended")
	has(t, b.must(0, "status", "c1").out, "suspended by alice until", "(disk is exchanged)")
	has(t, b.must(0, "status", "--json").out, `"suspended": {`, `"why": "disk is exchanged"`)
	b.write("web.hcl", web(`  limits { memory = "65MiB" }`))
	has(t, b.must(0, "plan").out, "1 suspended")
	has(t, b.must(8, "apply").err, "refused: c1: suspended by alice until", "`strake resume c1` ends that")
	has(t, b.must(8, "update", "c1").err, "suspended")
	b.must(0, "apply", "--exclude", "c1")
	b.must(0, "resume", "c1")
	b.must(0, "apply")
	b.must(0, "suspend", "--all")
	b.write("web.hcl", web(`  limits { memory = "66MiB" }`))
	has(t, b.must(8, "apply").err, "`strake resume --all` ends that")
	b.must(0, "resume", "--all")
	b.must(0, "apply")
	for line, code := range map[string]int{
		"suspend": 64, "suspend c1 --for -1s": 64, "suspend --all --for 1ms": 64, "resume": 64, "resume --all c1": 64, "suspend nobody": 1, "resume nobody": 1, "suspend ../c1": 1,
	} {
		b.must(code, strings.Fields(line)...)
	}
}

// TestApproveRun: a plan that waits is listed, shown and carried out by its id.
func TestApproveRun(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(`  limits { memory = "64MiB" }`))
	b.must(0, "apply")
	ask := func(memory string) string {
		b.write("web.hcl", web(`  limits { memory = "`+memory+`" }`))
		b.must(0, "plan", "-o", "p.json")
		p, ok, err := planFile("p.json")
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		d, err := b.open(Globals{StateDir: b.dir + "/state"})
		if err != nil {
			t.Fatal(err)
		}
		d.Engine.By = "agent"
		run, err := d.Engine.Ask(context.Background(), p, memory, "restart c1")
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	if out := b.must(0, "approve", "--plain").out; strings.Count(out, "\n") > 1 {
		t.Error(out)
	}
	run := ask("65MiB")
	has(t, b.must(0, "approve").out, run, "restart c1", "agent")
	var list struct{ Waiting []reconcile.Question }
	if err := json.Unmarshal([]byte(b.must(0, "approve", "--json").out), &list); err != nil || len(list.Waiting) != 1 || list.Waiting[0].Run != run {
		t.Errorf("%+v %v", list, err)
	}
	has(t, b.must(0, "approve", run, "--show").out, "64MiB", "65MiB")
	has(t, b.must(0, "approve", run).err, "c1: changed live, generation 2")
	has(t, b.must(1, "approve", run).err, "waits for approval")
	run = ask("66MiB")
	b.write("web.hcl", web(`  limits { memory = "67MiB" }`))
	b.must(0, "apply")
	has(t, b.must(7, "approve", run).err, "stale")
	b.must(1, "approve", run)
	run = ask("68MiB")
	b.must(0, "approve", "--decline", run)
	b.must(1, "approve", run)
	b.must(64, "approve", "--show")
}
