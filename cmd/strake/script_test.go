package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// hostPID names the process whose network and mounts are a command's host.
const hostPID = "STRAKE_TEST_HOST"

// TestMain makes this binary some commands of the tests, too.
func TestMain(m *testing.M) { testscript.Main(stocked{m}, commands) }

// stocked runs the tests and drops what they had in stock.
type stocked struct{ *testing.M }

func (s stocked) Run() int {
	defer tools.drop()
	defer stock.drop()
	return s.M.Run()
}

var commands = map[string]func(){
	program:    nil, // never run as such: a script needs its name
	"healer":   ends(serveHealer),
	"registry": ends(serveRegistry),
	"https":    ends(serveFiles),
	"certify":  ends(certify),
	"hears":    ends(serveHears),
}

func ends(program func() int) func() { return func() { os.Exit(program()) } }

// TestScripts runs every script in testdata/script: what a user types and
// what comes of it, with real containers.
func TestScripts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("the scripts run real containers: be root")
	}
	testscript.Run(t, testscript.Params{
		Dir:             "../../testdata/script",
		Setup:           setup,
		UpdateScripts:   os.Getenv("STRAKE_UPDATE") != "",
		ContinueOnError: os.Getenv("STRAKE_CONTINUE") != "",
		Condition:       condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"host":    host,
			"edit":    edit,
			"waitfor": waitfor,
			"clean":   clean,
			"fetch":   fetch,
			"code":    code,
			"steady":  steady,
			"layout":  layoutOf,
		},
	})
}

// condition is what the kernel may have or not: bridges that tell VLANs apart.
func condition(name string) (bool, error) {
	if name != "bridge-vlan" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return exec.Command("bridge", "vlan", "global", "show").Run() == nil, nil
}

// setup gives a script a host of its own.
func setup(env *testscript.Env) error {
	w, err := newWorld(env.WorkDir)
	if err != nil {
		return err
	}
	env.Defer(w.end)
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		return err
	}
	env.Vars = append(append(env.Vars, w.env...), "EXAMPLES="+examples)
	env.Values["world"] = w
	return nil
}

func worldOf(ts *testscript.TestScript) world { return ts.Value("world").(world) }

// host COMMAND... runs a command of the host.
func host(ts *testscript.TestScript, neg bool, args []string) {
	line := worldOf(ts).enter(args...)
	err := ts.Exec(line[0], line[1:]...)
	if neg == (err == nil) {
		ts.Fatalf("host %s: %v", strings.Join(args, " "), err)
	}
}

// edit FILE OLD NEW replaces text in a file, which must be there.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	if !strings.Contains(string(text), args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(string(text), args[1], args[2])), 0o644))
}

// waitfor COMMAND... runs a command until it succeeds, for half a minute. What is
// waited for needs the processor more than who asks.
func waitfor(ts *testscript.TestScript, neg bool, args []string) {
	deadline := time.Now().Add(30 * time.Second)
	for {
		began := time.Now()
		err := ts.Exec(args[0], args[1:]...)
		if (err == nil) != neg {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("waited in vain for %s: %v", strings.Join(args, " "), err)
		}
		time.Sleep(max(50*time.Millisecond, 2*time.Since(began)))
	}
}

// fetch SOURCE [PACKAGE...] gets an image into the store. A script's host has
// no way out; this goes from here. What several scripts want comes once.
func fetch(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: fetch SOURCE [PACKAGE...]")
	}
	ts.Check(stock.into(worldOf(ts), args[0], args[1:]...))
}

// clean checks that nothing of strake is left.
func clean(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(worldOf(ts).left()) }
