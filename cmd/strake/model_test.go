package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// model is what a container's data have to be, by what was done.
type model struct {
	t       *testing.T
	w       world
	r       *rand.Rand
	files   map[string]string // what it has now
	current int
	kept    map[int]map[string]string // what other generations had
	value   int                       // of a setting that needs a restart
}

// TestModel does random things to a container, kills strake in the middle of
// some, and compares every file with a model. At the end every generation that
// is left is gone back to. It does 500, or as many as there is room for in forty seconds.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	w, err := newWorld(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	m := &model{t: t, w: w, r: rand.New(rand.NewPCG(seed, 1)), files: map[string]string{}, kept: map[int]map[string]string{}}
	m.apply("")
	m.must("run", "model1", "--", "mkdir", "/m")
	m.look(nil)
	done, end := 0, time.Now().Add(40*time.Second)
	for ; done < 500 && time.Now().Before(end) && !t.Failed(); done++ {
		m.once()
	}
	t.Logf("%d operations, %d generations are left", done, len(m.kept)+1)
	m.must("gc")
	for _, n := range slices.Sorted(maps.Keys(m.kept)) {
		m.must("switch-generation", "-y", "--with-data", "model1", fmt.Sprint(n))
		m.files = m.kept[n]
		m.compare(fmt.Sprintf("generation %d", n))
	}
	m.must("destroy", "-y", "--force", "--purge", "model1")
	if err := w.left(); err != nil {
		t.Error(err)
	}
}

func (m *model) must(args ...string) string {
	m.t.Helper()
	r := m.w.strake(nil, args...)
	if r.code != 0 {
		m.t.Fatalf("strake %v: exit %d\n%s", args, r.code, r.out)
	}
	return r.out
}

// try runs a command, and one time in four kills it on the way.
func (m *model) try(args ...string) {
	m.t.Helper()
	if m.r.IntN(4) > 0 {
		m.must(args...)
		return
	}
	r := m.w.strake([]string{fmt.Sprintf("STRAKE_CRASH_AT=%d", 1+m.r.IntN(15))}, args...)
	if !r.killed && r.code != 0 {
		m.t.Fatalf("strake %v: exit %d\n%s", args, r.code, r.out)
	}
	if !r.killed {
		return
	}
	if m.w.strake(nil, "exists", "model1").code != 0 {
		m.must("undestroy", "model1")
	}
	m.must("release", "model1") // undoes what was begun
}

func (m *model) apply(env string) {
	m.t.Helper()
	text := fmt.Sprintf("container \"model1\" {\n raw = { \"lxc.prlimit.nofile\" = \"%d\" }\n}\n", 1000+m.value)
	if err := os.WriteFile(filepath.Join(m.w.dir, "m.hcl"), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
	if args := []string{"apply", "-y", "m.hcl"}; env == "" {
		m.must(args...)
	} else {
		m.try(args...)
	}
}

func (m *model) once() {
	m.t.Helper()
	m.edit()
	some := append(slices.Sorted(maps.Keys(m.kept)), m.current)
	n := some[m.r.IntN(len(some))]
	var back map[string]string // what it has if the current generation is another one then
	switch what := m.r.IntN(10); what {
	case 0, 1:
		m.value++
		m.apply("may die")
	case 2:
		m.try("rollback", "-y", "model1", fmt.Sprint(n))
	case 3, 4:
		m.try("switch-generation", "-y", "--with-data", "model1", fmt.Sprint(n))
		back = m.kept[n]
	case 5:
		m.try("snapshot", "-y", "model1")
	case 6:
		m.try("snapshot", "--live", "model1")
	case 7:
		m.try("gc")
	case 8:
		r := m.w.strake(nil, "delete-generations", "model1", fmt.Sprint(n))
		if r.code != 0 && r.code != 8 { // current, held, or where a rollback leads
			m.t.Fatalf("delete generation %d: exit %d\n%s", n, r.code, r.out)
		}
	case 9:
		m.try("destroy", "-y", "--force", "model1")
		if m.w.strake(nil, "exists", "model1").code != 0 {
			m.try("undestroy", "model1")
		}
	}
	if m.w.strake(nil, "state", "model1").out != "RUNNING\n" {
		if m.w.strake(nil, "start", "model1").code != 0 {
			m.must("undestroy", "model1") // its way back was cut short
		}
	}
	m.look(back)
	m.compare("now")
}

// look finds out which generation is current, and which there are.
func (m *model) look(back map[string]string) {
	m.t.Helper()
	var list struct {
		Generations []struct {
			Number  int
			Current bool
		}
	}
	out := m.must("--json", "list-generations", "model1")
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		m.t.Fatal(err, out)
	}
	there, before := map[int]bool{}, m.current
	for _, g := range list.Generations {
		there[g.Number] = true
		if g.Current {
			m.current = g.Number
		}
	}
	for n := range there {
		if m.kept[n] == nil && n != m.current {
			m.kept[n] = m.files // a snapshot, or what was current until now
		}
	}
	delete(m.kept, m.current)
	maps.DeleteFunc(m.kept, func(n int, _ map[string]string) bool { return !there[n] })
	if back != nil && m.current != before {
		m.files = back
	}
	m.files = maps.Clone(m.files)
}

// edit changes some files inside.
func (m *model) edit() {
	m.t.Helper()
	var script strings.Builder
	for range 1 + m.r.IntN(3) {
		name := string(rune('a' + m.r.IntN(8)))
		if m.r.IntN(3) == 0 {
			delete(m.files, name)
			fmt.Fprintf(&script, "rm -f /m/%s; ", name)
			continue
		}
		m.files[name] = fmt.Sprint(m.r.IntN(1e6))
		fmt.Fprintf(&script, "echo %s >/m/%s; ", m.files[name], name)
	}
	m.must("run", "model1", "--", "sh", "-c", script.String())
}

func (m *model) compare(what string) {
	m.t.Helper()
	var want strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		fmt.Fprintf(&want, "%s %s\n", name, m.files[name])
	}
	got := m.must("run", "model1", "--", "sh", "-c", `cd /m; for f in *; do test ! -e $f || echo $f $(cat $f); done`)
	if got != want.String() {
		m.t.Errorf("%s it has\n%swant\n%s", what, got, want.String())
	}
}
