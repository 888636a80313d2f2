package filter

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"strake/reconcile/resource"
)

// TestNothingIsAskedTwice counts how often nft runs: listing a thousand
// interfaces takes longer than changing one.
func TestNothingIsAskedTwice(t *testing.T) {
	dir := t.TempDir()
	count, nft := filepath.Join(dir, "count"), filepath.Join(dir, "nft")
	script := "#!/bin/sh\necho x >>" + count + "\nexec /usr/sbin/nft \"$@\"\n"
	if err := os.WriteFile(nft, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	f := Open(Options{Table: "stt-twice", NFT: nft, Lock: filepath.Join(dir, "lock")})
	ctx := context.Background()
	t.Cleanup(func() { f.Remove(ctx) })
	calls := func() int {
		text, _ := os.ReadFile(count)
		os.Remove(count)
		return bytes.Count(text, []byte("x"))
	}
	observe := func() resource.Seen {
		t.Helper()
		seen, err := f.Observe(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	set := func(ip string) {
		t.Helper()
		g := resource.Guard{NICs: []resource.NIC{{Name: "eth0", Device: "stt1", MAC: "02:00:00:00:00:01", IPv4: ip, Filter: resource.Filter{MAC: true, IPv4: true}}}}
		if err := f.Set(ctx, g); err != nil {
			t.Fatal(err)
		}
	}
	set("10.0.0.1/24")
	observe()
	calls()
	set("10.0.0.2/24")
	if n := calls(); n != 0 {
		t.Errorf("one change takes %d runs of nft, want none", n)
	}
	if got := observe().Guard.NICs[0].IPv4; got != "10.0.0.2/24" || calls() != 0 {
		t.Errorf("after it: %s, or it was listed again", got)
	}
	if out, err := exec.Command("/usr/sbin/nft", "delete", "element", "bridge", "stt-twice", ip4s, `{ "stt1" . 10.0.0.2 }`).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if seen := observe(); len(seen.Guard.NICs) > 0 && seen.Guard.NICs[0].IPv4 == "10.0.0.2/24" {
		t.Error("somebody else's change is not seen")
	}
	check(t, f.Set(ctx, resource.Guard{}))
	calls()
	check(t, f.Set(ctx, resource.Guard{}))
	if n := calls(); n != 0 {
		t.Errorf("to take away what is gone takes %d runs of nft, want none", n)
	}
}

// TestNextProcess: what one process saw need not be listed by the next, for as
// long as it is so.
func TestNextProcess(t *testing.T) {
	ctx, lock := context.Background(), filepath.Join(t.TempDir(), "lock")
	guard := resource.Guard{NICs: []resource.NIC{{Name: "eth0", Device: "stt1", MAC: "02:00:00:00:00:01", IPv4: "10.0.0.1/24", Filter: resource.Filter{MAC: true, IPv4: true}}}}
	first := Open(Options{Table: "stt-next", Lock: lock})
	t.Cleanup(func() { first.Remove(ctx) })
	check(t, first.Set(ctx, guard))

	blind := func() *Filter { return Open(Options{Table: "stt-next", Lock: lock, NFT: "/bin/false"}) }
	seen, err := blind().Observe(ctx)
	if err != nil || !seen.Intact || len(seen.Guard.NICs) != 1 || seen.Guard.NICs[0].IPv4 != "10.0.0.1/24" {
		t.Errorf("the next process sees %+v, %v", seen, err)
	}
	elsewhere := blind()
	elsewhere.place = func() (string, error) { return "another boot", nil }
	if _, err := elsewhere.Observe(ctx); err == nil {
		t.Error("what was seen before a reboot counts after it")
	}
	later := blind()
	later.rules = func() string { return "another version's" }
	if _, err := later.Observe(ctx); err == nil {
		t.Error("what was right to a version with other rules is right to this one")
	}
	run(t, "nft", "flush", "set", "bridge", "stt-next", ip4s)
	if _, err := blind().Observe(ctx); err == nil {
		t.Error("somebody else's change is not seen")
	}
	check(t, first.Set(ctx, guard))
	if _, err := blind().Observe(ctx); err != nil {
		t.Error("after it was mended:", err)
	}
	check(t, first.Remove(ctx))
	if seen, err := blind().Observe(ctx); err != nil || len(seen.Missing) != 3 {
		t.Errorf("after all is gone the next process sees %+v, %v", seen, err)
	}
	text, err := os.ReadFile(lock + ".seen")
	check(t, err)
	for n := range text {
		check(t, os.WriteFile(lock+".seen", text[:n], 0o600))
		if m := blind().recall(); m.Moment != "" {
			t.Fatalf("%d bytes of %d count: %+v", n, len(text), m)
		}
	}
}
