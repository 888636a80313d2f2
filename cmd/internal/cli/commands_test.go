package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strake/reconcile"
	"strake/reconcile/host/image"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// TestApplyAndRollback is the main job: text in, containers out, and back.
func TestApplyAndRollback(t *testing.T) {
	b := newBench(t)
	if e := b.must(0, "list"); e.out != "" {
		t.Errorf("a list of nothing is %q", e.out)
	}
	b.write("web.hcl", web(`  limits { memory = "64MiB" }`))
	has(t, b.must(2, "plan", "--detailed-exitcode", "web.hcl").out, "stack web   web.hcl", "+ c1", "10.9.0.2/24", "Summary: 1 network create, 2 create.")
	e := b.must(0, "apply", "web.hcl", "-m", "the first")
	has(t, e.err, "c1: created, generation 1", "stack web: generation 1")
	if e.out != "" {
		t.Errorf("stdout has %q", e.out)
	}
	if out := b.must(0, "plan", "--detailed-exitcode", "web.hcl").out; out != "stack web   web.hcl: nothing to do; 2 unchanged.\n" {
		t.Errorf("a plan right after is %q", out)
	}
	b.write("web.hcl", web(`  limits { memory = "128MiB" }`))
	has(t, b.must(0, "apply", "web.hcl").err, "64MiB -> 128MiB", "c1: changed live, generation 2", "Summary: 1 live; 1 unchanged.")
	has(t, b.must(0, "list-generations", "c1").out, "alice", "the first", "current")
	has(t, b.must(0, "diff-generations", "c1", "1").out, "64MiB -> 128MiB")
	b.must(2, "diff-generations", "c1", "1", "2", "--detailed-exitcode")
	b.must(0, "diff-generations", "c1", "2", "2", "--detailed-exitcode")
	has(t, b.must(0, "rollback", "c1").err, "128MiB -> 64MiB", "gen 2 -> 1")
	if b.limits("c1").Memory != 64<<20 {
		t.Error("it is not what it was")
	}
	has(t, b.must(0, "status").out, "held")
	has(t, b.must(0, "apply", "web.hcl").err, "strake release c1")
	has(t, b.must(8, "update", "c1", "web.hcl").err, "is held")
	b.must(0, "release", "c1")
	has(t, b.must(0, "update", "c1", "web.hcl").err, "generation 3")
	has(t, b.must(0, "list-generations").out, "current")
	has(t, b.must(0, "rollback", "--stack", "web", "1").err, "gen 3 -> 1")
}

func TestApproval(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(""))
	b.must(0, "apply", "web.hcl")
	b.write("web.hcl", web(`  mount "/srv" { source = "/srv" }`))
	has(t, b.must(9, "apply", "web.hcl").err, "! c1  restart", "restart c1", "--yes")
	has(t, b.must(9, "apply", "web.hcl", "--quiet").err, "! c1  restart")
	has(t, b.must(0, "apply", "web.hcl", "--defer-restart").err, "pending restart")
	has(t, b.must(0, "status").out, "pending restart")
	has(t, b.must(0, "status", "c1").out, `mount["/srv"].source`)
	b.must(0, "restart", "c1")
	has(t, b.must(0, "status", "c1").out, "in sync")
	b.write("web.hcl", web(`  image = "dir:/srv/image"`))
	has(t, b.must(9, "apply", "-y", "web.hcl").err, "-/+ c1  recreate", "KEEPS", "LOSES", "--allow-recreate=c1")
	b.must(0, "apply", "-y", "web.hcl", "--allow-recreate", "c1")
}

func TestCreateUpdateDestroy(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(""))
	has(t, b.must(1, "update", "c1").err, "strake create c1")
	b.must(0, "create", "c1", ".")
	has(t, b.must(1, "create", "c1").err, "exists already")
	has(t, b.must(1, "create", "c9").err, `"c9"`)
	b.must(0, "exists", "c1")
	if e := b.must(1, "exists", "c2"); e.out+e.err != "" {
		t.Errorf("exists says %q", e.out+e.err)
	}
	if out := b.must(0, "state", "c1").out; out != "RUNNING\n" {
		t.Errorf("state is %q", out)
	}
	if out := b.must(0, "show-ip", "c1").out; out != "10.9.0.2\n" {
		t.Errorf("its address is %q", out)
	}
	has(t, b.must(8, "destroy", "c1", "-y").err, "running")
	has(t, b.must(9, "destroy", "c1", "--force").err, "--yes", "LOSES")
	has(t, b.must(0, "destroy", "c1", "--force", "-y").err, "c1: retired")
	has(t, b.must(1, "terminate", "c1").err, `no container "c1"`)
}

func TestVerbs(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(""))
	b.must(0, "apply")
	b.must(0, "stop", "c1")
	b.must(1, "stop", "c1")
	has(t, b.must(0, "status").out, "stopped by hand")
	has(t, b.must(0, "apply").err, "nothing to do", "stopped by hand")
	b.must(0, "start", "c1")
	b.must(0, "freeze", "c1")
	if out := b.must(0, "state", "c1").out; out != "FROZEN\n" {
		t.Errorf("state is %q", out)
	}
	b.must(0, "unfreeze", "c1")
	b.must(0, "terminate", "c1")
	b.must(0, "hook", "c1", "c1", "lxc", "pre-start")
}

func TestRun(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(`  environment = { GREETING = "hello", PATH = "/opt/bin" }`))
	b.must(0, "apply")
	b.console.code = 7
	b.must(7, "run", "c1", "--", "sh", "-c", "exit 7", "--json")
	if have := strings.Join(b.console.cmd.Args, " "); have != "sh -c exit 7 --json" || b.console.name != "c1" {
		t.Errorf("it ran %q in %s", have, b.console.name)
	}
	if env := b.console.cmd.Env; env["GREETING"] != "hello" || env["PATH"] != "/opt/bin" || env["HOME"] != "/root" {
		t.Errorf("its environment is %v", env)
	}
	b.console.code = 0
	b.must(0, "login", "c1")
	has(t, b.must(1, "run", "c9", "--", "true").err, `no container "c9"`)
}

func TestSavedPlan(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(""))
	b.must(0, "plan", "-o", "plan.json", "web.hcl")
	if info, err := os.Stat(filepath.Join(b.dir, "plan.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the plan's file is %v, %v", info, err)
	}
	has(t, b.must(64, "apply", "plan.json", "--target", "c1").err, "--target")
	b.must(0, "apply", "plan.json")
	b.must(7, "apply", "plan.json")
	b.write("web.hcl.json", `{"container": {"c1": {}}}`)
	has(t, b.must(0, "plan", "web.hcl.json", "--move-stack").out, "c1")
	b.write("new.json", `{"version": 99, "basis": "x"}`)
	b.must(7, "apply", "new.json")
	if err := os.Symlink("/dev/null", filepath.Join(b.dir, "link")); err != nil {
		t.Fatal(err)
	}
	has(t, b.must(1, "plan", "-o", "link", "web.hcl").err, "no regular file")
}

func TestInvalid(t *testing.T) {
	b := newBench(t)
	has(t, b.must(3, "apply").err, "holds no *.hcl file")
	has(t, b.must(3, "apply", "none.hcl").err, "none.hcl: no such file")
	b.write("web.hcl", web(`  limits { memroy = 1 }`))
	e := b.must(3, "apply", "web.hcl")
	has(t, e.err, "web.hcl:7:", "memroy", "^^^^")
	has(t, b.must(3, "validate").err, "web.hcl:7:")
	var out struct {
		Version     int
		Valid       bool
		Diagnostics []struct{ Summary string }
	}
	if err := json.Unmarshal([]byte(b.must(3, "validate", "--json").out), &out); err != nil || out.Valid || len(out.Diagnostics) == 0 || out.Version != 1 {
		t.Errorf("JSON is %+v, %v", out, err)
	}
	b.write("web.hcl", `variable "m" {}
container "c1" {
  limits { memory = var.m }
}
`)
	b.must(3, "validate")
	b.must(0, "validate", "--var", "m=64MiB")
	b.write("x.hclvars", `m = "32MiB"`)
	has(t, b.must(0, "render", "c1", "--format", "spec", "--var", "m=64MiB", "--var-file", "x.hclvars").out, "33554432")
	has(t, b.must(0, "render", "c1", "--format", "spec", "--var-file", "x.hclvars", "--var", "m=64MiB").out, "67108864")
	b.env = append(b.env, "STRAKE_VAR_m=128MiB")
	has(t, b.must(0, "render", "c1").out, "134217728")
	has(t, b.must(0, "render", "c1", "--format", "lxc").out, "c1")
}

func TestPrune(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(""))
	b.must(0, "apply")
	text := web("")
	b.write("web.hcl", text[:strings.Index(text, `container "c2"`)])
	has(t, b.must(0, "apply").err, "orphan")
	has(t, b.must(0, "apply", "--prune").err, "c2: retired")
}

func TestDrift(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(`  limits { memory = "64MiB" }`))
	b.must(0, "apply")
	b.host.Break("c1", func(c *resource.Container) { c.Limits.Memory = 1 << 30 })
	has(t, b.must(0, "status").out, "drifted")
	has(t, b.must(0, "status", "c1").out, "changed outside: 64MiB in generation 1, 1GiB live")
	has(t, b.must(0, "plan").out, "changed outside")
	b.must(0, "apply")
	has(t, b.must(0, "status", "c1").out, "in sync")
}

func TestDeleteGenerations(t *testing.T) {
	b := newBench(t)
	for _, m := range []string{"64MiB", "65MiB", "66MiB", "67MiB"} {
		b.write("web.hcl", web(`  limits { memory = "`+m+`" }`))
		b.must(0, "apply")
	}
	b.must(0, "pin", "c1", "1")
	has(t, b.must(8, "delete-generations", "c1", "1").err, "pinned")
	has(t, b.must(8, "delete-generations", "c1", "4").err, "current")
	has(t, b.must(1, "delete-generations", "c1", "9").err, "no generation 9")
	has(t, b.must(0, "delete-generations", "c1", "old", "--dry-run").err, "would delete 1 generation")
	has(t, b.must(0, "delete-generations", "c1", "old").err, "deleted 1 generation: 2")
	has(t, b.must(0, "list-generations", "c1").out, "pinned")
	if out := b.must(0, "list-generations", "c1", "--plain").out; len(strings.Split(strings.TrimSpace(out), "\n")) != 3 {
		t.Errorf("left are\n%s", out)
	}
	b.must(0, "unpin", "c1", "1")
	b.must(0, "delete-generations", "c1", "1")
	has(t, b.must(1, "show-generation", "c1", "1").err, "no generation 1")
	has(t, b.must(0, "show-generation", "c1", "4").out, "67MiB")
}

func TestGC(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(""))
	b.must(0, "apply")
	b.must(0, "destroy", "c2", "-y", "--force")
	unused := "sha256-" + strings.Repeat("ab", 32)
	b.store.list = []image.Meta{{Digest: unused, Source: "dir:/x"}}
	state := filepath.Join(b.dir, "state")
	if err := os.WriteFile(filepath.Join(state, ".tmp-ledger.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(state, "containers", "c1", "writable", "1", "upper")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inside, ".tmp-theirs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out := b.must(0, "gc", "--dry-run").out
	has(t, out, "sha256-abababababab", ".tmp-ledger.json")
	if strings.Contains(out, "c2") || strings.Contains(out, "theirs") || len(b.store.removed) > 0 {
		t.Errorf("too much is garbage, or a dry run was none:\n%s", out)
	}
	attic, err := filepath.Glob(filepath.Join(state, "attic", "c2@*"))
	if err != nil || len(attic) != 1 {
		t.Fatalf("the attic has %v, %v", attic, err)
	}
	old := time.Now().Add(-reconcile.AtticTime - time.Hour)
	if err := os.Chtimes(attic[0], old, old); err != nil {
		t.Fatal(err)
	}
	has(t, b.must(0, "gc").out, "retired 7 days ago")
	if _, err := os.Stat(attic[0]); !os.IsNotExist(err) || len(b.store.removed) != 1 || b.store.removed[0] != unused {
		t.Errorf("left is %v, removed %v", err, b.store.removed)
	}
	if out := b.must(0, "gc").out; !strings.Contains(out, "image") || strings.Contains(out, "file") {
		t.Errorf("a second time it finds\n%s", out)
	}
	if _, err := os.Stat(filepath.Join(inside, ".tmp-theirs")); err != nil {
		t.Error("it took what is the container's own")
	}
}

func TestFmt(t *testing.T) {
	b := newBench(t)
	const ugly, pretty = "stack \"x\" {\n    prune=\"report\"\n}\n", "stack \"x\" {\n  prune = \"report\"\n}\n"
	b.write("a.hcl", ugly)
	b.must(2, "fmt", "--check")
	has(t, b.must(2, "fmt", "a.hcl", "--check", "--diff").out, "-    prune", "+  prune")
	text, _ := os.ReadFile(filepath.Join(b.dir, "a.hcl"))
	if string(text) != ugly {
		t.Fatal("--check wrote")
	}
	b.must(0, "fmt")
	if text, _ = os.ReadFile(filepath.Join(b.dir, "a.hcl")); string(text) != pretty {
		t.Errorf("it is %q", text)
	}
	b.must(0, "fmt", "--check")
	b.write("a.hcl", "stack {")
	b.must(3, "fmt")
}

func TestLogs(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(""))
	b.must(0, "apply")
	b.write(filepath.Join("state", "containers", "c1", state.ConsoleLog), "hello from inside\n")
	has(t, b.must(0, "logs", "c1").out, "hello from inside")
	has(t, b.must(1, "logs", "c9").err, "c9")
}

// TestJSON: everything that prints JSON prints a versioned object, and
// nothing else on stdout.
func TestJSON(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(""))
	for _, line := range []string{
		"plan", "status", "apply", "apply", "plan", "status", "status c1", "list-generations c1", "list-generations", "show-generation c1 1",
		"diff-generations c1 1", "delete-generations c1 old --dry-run", "gc --dry-run", "images", "networks", "doctor", "version", "validate",
	} {
		e := b.run(append(strings.Fields(line), "--json")...)
		var v struct{ Version int }
		if err := json.Unmarshal([]byte(e.out), &v); err != nil || v.Version != 1 {
			t.Errorf("%s: %v in\n%s%s", line, err, e.out, e.err)
		}
	}
}

func TestComplete(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(""))
	b.must(0, "apply")
	b.write("more.hcl", "container \"new\" {\n  image = image.big\n}\n\nimage \"big\" {\n  source = \"builtin:busybox\"\n}\n")
	for line, want := range map[string]string{
		"sta":                    "start state status",
		"start ":                 "c1 c2",
		"--json start c":         "c1 c2",
		"stop --timeout 5s ":     "c1 c2",
		"stop c1 ":               "",
		"plan ":                  "",
		"stop --ti":              "--timeout",
		"--js":                   "--json",
		"completion ":            "bash fish zsh",
		"no-such ":               "",
		"plan --target ":         "c1 c2 new",
		"plan --target=c":        "--target=c1 --target=c2",
		"plan --target = n":      "new", // as bash says it
		"plan --target =":        "c1 c2 new",
		"--color n":              "never",
		"--color=a":              "--color=always --color=auto",
		"render ":                "c1 c2 new",
		"create n":               "new",
		"lock --upgrade ":        "big",
		"lock b":                 "big",
		"rollback c1 ":           "1",
		"pin c1 ":                "1",
		"diff-generations c1 1 ": "1",
		"man ":                   "strake strake.hcl",
		"schema p":               "plan",
		"render c1 --format l":   "lxc",
		"import ":                "",
	} {
		e := b.must(0, append([]string{"__complete"}, strings.Split(line, " ")...)...)
		if have := strings.Join(strings.Fields(e.out), " "); have != want {
			t.Errorf("%q completes to %q, want %q", line, have, want)
		}
	}
}

// TestInterrupted: a run that is not to go on does nothing.
func TestInterrupted(t *testing.T) {
	b := newBench(t)
	b.write("web.hcl", web(""))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	code := Program{Open: b.open, Stdin: strings.NewReader(""), Stdout: &strings.Builder{}, Stderr: &strings.Builder{}, Env: b.env}.Run(ctx, []string{"apply"})
	if code == 0 {
		t.Error("it says that all is well")
	}
	if out := b.must(0, "list").out; out != "" {
		t.Errorf("there is\n%s", out)
	}
}

// TestCrashHook: the way to die on purpose is open to tests only.
func TestCrashHook(t *testing.T) {
	for env, want := range map[string]bool{
		"STRAKE_CRASH_AT=3 STRAKE_TESTING=1": true, "STRAKE_CRASH_AT=3": false, "STRAKE_TESTING=1": false, "STRAKE_CRASH_AT=3 STRAKE_TESTING=0": false,
	} {
		r := run{Program: Program{Env: strings.Fields(env)}}
		if c := r.crash(); (c != nil) != want || c != nil && c.At != 3 {
			t.Errorf("%s: %v", env, c)
		}
	}
}
