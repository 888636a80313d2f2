package main

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// listed is what `go list` says of one of our packages.
type listed struct {
	ImportPath  string
	Doc         string
	Imports     []string
	TestImports []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,TestImports", "strake/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p listed
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 15 {
		t.Fatalf("only %d packages found", len(all))
	}
	return all
}

// within says whether a package is one of these rooms or in one of them.
func within(path string, rooms ...string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool {
		return path == "strake/"+r || strings.HasPrefix(path, "strake/"+r+"/")
	})
}

// TestWays holds the imports to the one way through the house: cmd, then
// reconcile, then spec and generations, which know nobody; the adapters know
// resource and arithmetic, and none of each other.
func TestWays(t *testing.T) {
	for _, p := range packages(t) {
		for _, to := range p.Imports {
			if strings.HasPrefix(to, "strake/") && !allowed(p.ImportPath, to) {
				t.Errorf("%s must not import %s", p.ImportPath, to)
			}
		}
	}
}

func allowed(from, to string) bool {
	switch {
	case within(from, "cmd"):
		return true
	case within(from, "spec"):
		return within(to, "spec")
	case within(from, "generations"):
		return within(to, "generations")
	case within(from, "reconcile/host/hosttest"):
		return within(to, "reconcile/resource", "reconcile/host/hosttest")
	case within(from, "reconcile/host"):
		return within(to, "reconcile/resource", "reconcile/idmap", "reconcile/thread", "reconcile/watch", "reconcile/chain", "reconcile/scoped") || strings.HasPrefix(to, from+"/") || strings.HasPrefix(from, to+"/")
	case within(from, "reconcile/resource", "reconcile/event", "reconcile/idmap", "reconcile/chain", "reconcile/thread", "reconcile/watch", "reconcile/scoped"):
		return false
	case within(from, "reconcile/ledger"):
		return within(to, "reconcile/idmap")
	case within(to, "reconcile/host"):
		return false // the engine sees adapters through its own interfaces
	case within(to, "spec/lang", "spec/source", "spec/format"):
		return false // text stays at the door
	}
	return !within(to, "cmd")
}

// TestPure keeps the planner's side free of everything but its input.
func TestPure(t *testing.T) {
	pure := []string{"spec", "reconcile/resource", "reconcile/event", "reconcile/idmap", "reconcile/chain", "reconcile/ledger", "reconcile/desired", "reconcile/plan", "reconcile/health", "reconcile/heal", "generations/retain"}
	// net is there for its parsers; what of it talks to anyone needs a context or time.
	impure := []string{"os", "net/http", "context", "log/slog", "os/exec", "math/rand", "crypto/rand", "io/ioutil", "syscall"}
	for _, p := range packages(t) {
		if !slices.Contains(pure, strings.TrimPrefix(p.ImportPath, "strake/")) {
			continue
		}
		for _, to := range p.Imports {
			if slices.Contains(impure, to) {
				t.Errorf("%s is pure and imports %s", p.ImportPath, to)
			}
		}
	}
}

// TestOneImporter keeps each outside library behind one door. Those of a wide
// and even surface are free: what the kernel's own interface is made of.
func TestOneImporter(t *testing.T) {
	free := []string{"golang.org/x/sys"}
	rooms := map[string][]string{}
	for _, p := range packages(t) {
		for _, to := range p.Imports {
			first, _, _ := strings.Cut(to, "/")
			if !strings.Contains(first, ".") || slices.ContainsFunc(free, func(f string) bool { return strings.HasPrefix(to, f) }) {
				continue
			}
			lib, room := library(to), p.ImportPath
			if !slices.Contains(rooms[lib], room) {
				rooms[lib] = append(rooms[lib], room)
			}
		}
	}
	for lib, users := range rooms {
		if lib == "github.com/hashicorp/hcl" || lib == "github.com/zclconf/go-cty" {
			users = slices.DeleteFunc(users, func(u string) bool { return u == "strake/spec/format" })
		}
		if lib == "github.com/fsnotify/fsnotify" { // spec knows nobody, and two texts grow: the configuration and the diary
			users = slices.DeleteFunc(users, func(u string) bool { return u == "strake/reconcile/diary" })
		}
		if len(users) > 1 {
			t.Errorf("%s is imported by %v: one door is enough", lib, users)
		}
	}
}

// library is the module of an import path, as far as its first three words tell.
func library(path string) string {
	words := strings.Split(path, "/")
	return strings.Join(words[:min(3, len(words))], "/")
}

// TestPackageComments: each package says what its noun is.
func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		words := strings.Fields(p.Doc)
		if len(words) < 5 || words[0] != "Package" && !strings.HasPrefix(p.Doc, "Strake") && words[0] != "Command" {
			t.Errorf("%s: package comment %q says too little", p.ImportPath, p.Doc)
		}
	}
}
