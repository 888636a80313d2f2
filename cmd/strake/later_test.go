package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"strake/reconcile/plan"
	"strake/spec"
)

// waiting brings each key that nothing carries out yet to a value that is
// refused, as lines of the container's block.
var waiting = map[string]string{}

const waitingGround = `volume "data" {
  path = "/srv/data"
  size = "1GiB"
}

`

// TestLater: each key that the table says to wait is planned, and refused
// with its name before anything is changed.
func TestLater(t *testing.T) {
	k := newKeyTest(t)
	before := k.picture()
	for _, key := range spec.Keys() {
		if lines, ok := waiting[key.Path]; key.Later != "" && !ok {
			t.Errorf("%s is in no case of this test", key.Path)
		} else if key.Later != "" {
			k.refused(key.Path, lines)
		} else if ok {
			t.Errorf("%s is carried out, and still a case of this test", key.Path)
		}
		if now := k.picture(); now != before {
			t.Fatalf("%s: something was changed:\n%s", key.Path, changed(before, now))
		}
	}
}

// refused has the container made of these lines.
func (k keyTest) refused(key, lines string) {
	k.t.Helper()
	text := waitingGround + strings.ReplaceAll(ground, "SMALL", k.w.dir) + "  " + lines + "\n}\n"
	if err := os.WriteFile(filepath.Join(k.w.dir, "keys.hcl"), []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
	out, errs, code := k.strake("plan", "--json", "keys.hcl")
	var p plan.Plan
	if err := json.Unmarshal([]byte(out), &p); err != nil || code != 0 {
		k.t.Errorf("%s: plan: exit %d, %v\n%s%s\n%s", key, code, err, out, errs, text)
		return
	}
	for _, c := range p.Containers {
		is := func(l plan.Later) bool { return spec.Pattern(l.Path) == key && l.Pos.Line > 0 }
		if c.Name == "c" && !slices.ContainsFunc(c.Later, is) {
			k.t.Errorf("%s: the plan does not name it: %+v", key, c.Later)
		}
	}
	if _, errs, code := k.strake("apply", "-y", "keys.hcl"); code != 3 || !strings.Contains(errs, "keys.hcl:") {
		k.t.Errorf("%s: apply: exit %d\n%s", key, code, errs)
	}
}

// picture is all that strake keeps, and what runs.
func (k keyTest) picture() string {
	k.t.Helper()
	text, err := k.w.picture()
	if err != nil {
		k.t.Fatal(err)
	}
	return text
}
