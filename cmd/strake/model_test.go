package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"strake/generations"
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
	made    map[string]time.Duration  // by what was done
}

// How long TestModel may do things, and go back to what is left of them.
const (
	modelTime = 30 * time.Second
	modelEnd  = 10 * time.Second
)

// TestModel does random things to a container, kills strake in the middle of
// some, and compares every file with a model. At the end the generations that are
// left are gone back to. It does as much as there is time for, or as many things as
// STRAKE_MODEL says, and goes back to all then; STRAKE_SEED has it do the very same once more. Files are written and read through
// the root of the container's init, and generations where they are recorded, so that
// most of the time goes into what is tried.
func TestModel(t *testing.T) {
	seed := uint64(number(t, "STRAKE_SEED", time.Now().UnixNano()))
	count := number(t, "STRAKE_MODEL", 0)
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	w, err := newWorld(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	m := &model{t: t, w: w, r: rand.New(rand.NewPCG(seed, 1)), files: map[string]string{}, kept: map[int]map[string]string{}, made: map[string]time.Duration{}}
	m.apply("")
	m.must("run", "model1", "--", "mkdir", "/m")
	m.look(nil)
	begin, done := time.Now(), int64(0)
	for ; (done < count || count == 0 && time.Since(begin) < modelTime) && !t.Failed(); done++ {
		m.once()
	}
	t.Logf("%d operations in %v, %d generations are left; %v", done, time.Since(begin), len(m.kept)+1, m.made)
	m.must("gc")
	kept := slices.Sorted(maps.Keys(m.kept))
	m.r.Shuffle(len(kept), func(i, j int) { kept[i], kept[j] = kept[j], kept[i] })
	begin = time.Now()
	for _, n := range kept {
		if count == 0 && time.Since(begin) > modelEnd {
			break
		}
		m.must("switch-generation", "-y", "--with-data", "model1", fmt.Sprint(n))
		m.files = m.kept[n]
		m.compare(fmt.Sprintf("generation %d", n))
	}
	m.must("destroy", "-y", "--force", "--purge", "model1")
	if err := w.left(); err != nil {
		t.Error(err)
	}
}

// number is what the environment says, or else what is usual.
func number(t *testing.T, name string, usual int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
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

// names are what once does.
var names = [...]string{"apply", "apply", "rollback", "rollback with data", "rollback with data", "snapshot", "live snapshot", "gc", "delete", "destroy"}

func (m *model) once() {
	m.t.Helper()
	m.edit()
	some := append(slices.Sorted(maps.Keys(m.kept)), m.current)
	n := some[m.r.IntN(len(some))]
	var back map[string]string // what it has if the current generation is another one then
	begin := time.Now()
	what := m.r.IntN(10)
	defer func() { m.made[names[what]] += time.Since(begin).Round(time.Millisecond) }()
	switch what {
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
		m.prune()
	case 9:
		m.try("destroy", "-y", "--force", "model1")
		if m.w.strake(nil, "exists", "model1").code != 0 {
			m.try("undestroy", "model1")
		}
	}
	if m.init() == "" {
		if m.w.strake(nil, "start", "model1").code != 0 {
			m.must("undestroy", "model1") // its way back was cut short
		}
	}
	m.look(back)
	m.compare("now")
}

// prune deletes a range of generations, without those that are needed.
func (m *model) prune() {
	m.t.Helper()
	list := slices.Sorted(maps.Keys(m.kept))
	if len(list) < 2 {
		return
	}
	from := m.r.IntN(len(list) - 1)
	to := min(from+1+m.r.IntN(1+len(list)/3), len(list)-1)
	m.must("delete-generations", "model1", fmt.Sprintf("%d-%d", list[from], list[to]))
}

// look finds out which generation is current, and which there are.
func (m *model) look(back map[string]string) {
	m.t.Helper()
	book := generations.Open(filepath.Join(m.w.dir, "state", "containers", "model1"))
	numbers, err := book.Numbers()
	current, err2 := book.Current()
	if err = errors.Join(err, err2); err != nil {
		m.t.Fatal(err)
	}
	there, before := map[int]bool{}, m.current
	m.current = current
	for _, n := range numbers {
		there[n] = true
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
	folder := m.folder()
	for range 1 + m.r.IntN(3) {
		name := string(rune('a' + m.r.IntN(8)))
		at := filepath.Join(folder, name)
		if m.r.IntN(3) == 0 {
			delete(m.files, name)
			if err := os.Remove(at); err != nil && !errors.Is(err, os.ErrNotExist) {
				m.t.Fatal(err)
			}
			continue
		}
		m.files[name] = fmt.Sprint(m.r.IntN(1e6))
		if err := os.WriteFile(at, []byte(m.files[name]), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
}

// init is the pid of the container's init; "" where it is not up.
func (m *model) init() string {
	out, _ := m.w.command("lxc-info", "-P", filepath.Join(m.w.dir, "lxc"), "-n", "model1", "-p", "-H").Output() // one that there is not is not up
	return strings.TrimSpace(string(out))
}

// folder is /m, as the container itself has it.
func (m *model) folder() string { return filepath.Join("/proc", m.init(), "root", "m") }

func (m *model) compare(what string) {
	m.t.Helper()
	got := map[string]string{}
	folder := m.folder()
	entries, err := os.ReadDir(folder)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			m.t.Fatal(err)
		}
		got[e.Name()] = string(text)
	}
	if !maps.Equal(got, m.files) {
		m.t.Errorf("%s it has %v, want %v", what, got, m.files)
	}
}
