package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"strake/cmd/internal/cli"
	"strake/reconcile/resource"
)

// hostPID names the process whose network and mounts are a command's host.
const hostPID = "STRAKE_TEST_HOST"

// TestMain makes this binary the command "strake" of the tests, too.
func TestMain(m *testing.M) { testscript.Main(m, commands) }

var commands = map[string]func(){
	"strake":   ends(Main),
	"healer":   ends(serveHealer),
	"registry": ends(serveRegistry),
	"https":    ends(serveFiles),
	"hears":    ends(serveHears),
}

func ends(program func() int) func() { return func() { os.Exit(program()) } }

// TestScripts runs every script in testdata/script: what a user types and
// what comes of it, with real containers.
func TestScripts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("the scripts run real containers: be root")
	}
	fetched := fetches{dir: t.TempDir(), stores: map[string]string{}}
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
			"fetch":   fetched.fetch,
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

// waitfor COMMAND... runs a command until it succeeds, for half a minute.
func waitfor(ts *testscript.TestScript, neg bool, args []string) {
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := ts.Exec(args[0], args[1:]...)
		if (err == nil) != neg {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("waited in vain for %s: %v", strings.Join(args, " "), err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// fetches are images that all scripts take from.
type fetches struct {
	sync.Mutex
	dir    string
	stores map[string]string // by source and packages
}

// fetch SOURCE [PACKAGE...] gets an image into the store. A script's host has
// no way out; this goes from here. What several scripts want comes once.
func (f *fetches) fetch(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: fetch SOURCE [PACKAGE...]")
	}
	store, err := f.store(args[0], args[1:])
	ts.Check(err)
	state := filepath.Join(worldOf(ts).dir, "state")
	out, err := exec.Command("cp", "--archive", "--link", store, state).CombinedOutput()
	if err != nil {
		ts.Fatalf("copy the image: %v: %s", err, out)
	}
}

// store is a folder with that image alone.
func (f *fetches) store(source string, packages []string) (string, error) {
	f.Lock()
	defer f.Unlock()
	key := fmt.Sprintf("%q %q", source, packages)
	if at := f.stores[key]; at != "" {
		return at, nil
	}
	dir := filepath.Join(f.dir, fmt.Sprint(len(f.stores)))
	p, err := open(cli.Globals{StateDir: filepath.Join(dir, "state"), LXCPath: filepath.Join(dir, "lxc")})
	if err != nil {
		return "", err
	}
	if _, err := p.Engine.Host.Images.Ensure(context.Background(), resource.Image{Source: source, Include: packages}, nil); err != nil {
		return "", err
	}
	f.stores[key] = filepath.Join(dir, "state/images")
	return f.stores[key], nil
}

// clean checks that nothing of strake is left.
func clean(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(worldOf(ts).left()) }
