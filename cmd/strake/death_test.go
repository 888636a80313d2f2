package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// death is a world in which strake is killed at its n-th journalled moment.
type death struct {
	world
	t   *testing.T
	n   int
	own *strings.Replacer // makes names of containers that no other test has
}

// everyDeath plays every moment at which a change can be cut short: until it
// ends without having been killed, which play says.
func everyDeath(t *testing.T, play func(death) (killed bool)) {
	everyDeathFrom(t, "builtin:busybox", play)
}

// everyDeathFrom does it in worlds that have an image, or none: making one takes
// longer than a container.
func everyDeathFrom(t *testing.T, image string, play func(death) (killed bool)) {
	t.Parallel()
	for n := 1; n < 100; n++ {
		if !die(t, n, image, play) {
			if n == 1 {
				t.Fatal("it never crashed: the hook does not work")
			}
			return
		}
	}
	t.Fatal("it crashes for ever")
}

// die plays one death. All worlds share the cgroups, so a container has a name of
// this test's own there, where texts and commands call it crash1 or crash2.
func die(t *testing.T, n int, image string, play func(death) bool) bool {
	t.Helper()
	dir, err := os.MkdirTemp("", "strake-crash")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	w, err := newWorld(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.end()
	if image != "" {
		if err := stock.into(w, image); err != nil {
			t.Fatal(err)
		}
	}
	kind := strings.Trim(strings.ReplaceAll(strings.TrimPrefix(t.Name(), "TestCrash"), "/", "-"), "-")
	name := "crash-" + strings.ToLower(kind)
	return play(death{world: w, t: t, n: n, own: strings.NewReplacer("crash1", name+"-1", "crash2", name+"-2")})
}

// write is what the configuration c.hcl says from now on.
func (d death) write(text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, "c.hcl"), []byte(d.own.Replace(text)), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// try runs strake.
func (d death) try(args ...string) result { return d.run(nil, args) }

func (d death) run(env []string, args []string) result {
	var own []string
	for _, arg := range args {
		own = append(own, d.own.Replace(arg))
	}
	return d.strake(env, own...)
}

// exits runs strake, which has to end with a code, and is what it said.
func (d death) exits(want int, args ...string) string {
	d.t.Helper()
	r := d.try(args...)
	if r.code != want {
		d.t.Fatalf("death %d: strake %s: exit %d\n%s", d.n, strings.Join(args, " "), r.code, r.out)
	}
	return r.out
}

// must runs strake, which has to succeed.
func (d death) must(args ...string) string {
	d.t.Helper()
	return d.exits(0, args...)
}

// cut runs strake until the death, and says whether it came to it. Otherwise it
// has to end with a code.
func (d death) cut(want int, args ...string) (killed bool) {
	d.t.Helper()
	r := d.run([]string{fmt.Sprintf("STRAKE_CRASH_AT=%d", d.n)}, args)
	if !r.killed && r.code != want {
		d.t.Fatalf("death %d: exit %d\n%s", d.n, r.code, r.out)
	}
	return r.killed
}

// cutAgain is another death, wherever the way back is by then.
func (d death) cutAgain(args ...string) {
	d.run([]string{fmt.Sprintf("STRAKE_CRASH_AT=%d", d.n%9+1)}, args)
}

func (d death) errorf(format string, args ...any) {
	d.t.Helper()
	d.t.Errorf("death %d: %s", d.n, fmt.Sprintf(format, args...))
}

// nothingLeft checks that the host is as it was before strake.
func (d death) nothingLeft() {
	d.t.Helper()
	if err := d.left(); err != nil {
		d.errorf("%v", err)
	}
}
