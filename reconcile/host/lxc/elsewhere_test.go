package lxc

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strake/reconcile/resource"
)

// TestElsewhere: every manager's containers are found, this installation's own left
// out by whichever way they are reached.
func TestElsewhere(t *testing.T) {
	root := t.TempDir()
	for _, file := range []string{
		"var/lib/lxc/plain/config", "var/lib/lxc/broken/config", "var/log/lxd/one/lxc.conf", "var/log/lxd/one/console.log", "var/log/incus/two/lxc.conf",
		"run/incus/three/lxc.conf", "var/snap/lxd/common/lxd/logs/four/lxc.conf", "srv/lxc/own/config", "srv/usual/five/config",
	} {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		text := "lxc.uts.name = " + filepath.Base(filepath.Dir(path)) + "\n"
		if filepath.Base(filepath.Dir(path)) == "broken" {
			text += "lxc.include = /not/there\n"
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := func(own string) []string {
		list, err := elsewhere(root, filepath.Join(root, own), "/srv/usual")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, lines := range list {
			names = append(names, lines[0].Value)
		}
		return names
	}
	if diff := cmp.Diff([]string{"five", "plain", "one", "four", "two", "three"}, names("srv/lxc")); diff != "" {
		t.Error(diff)
	}
	if err := os.Symlink(filepath.Join(root, "var/lib/lxc"), filepath.Join(root, "srv/link")); err != nil {
		t.Fatal(err)
	}
	for _, own := range []string{"var/lib/lxc", "srv/link"} {
		if diff := cmp.Diff([]string{"five", "one", "four", "two", "three"}, names(own)); diff != "" {
			t.Error(own, diff)
		}
	}
}

// TestNoted reads what LXD 5.0.2 and Incus write about a container that was never
// started.
func TestNoted(t *testing.T) {
	const next = `    volatile.idmap.next: '[{"Isuid":true,"Isgid":false,"Hostid":165536,"Nsid":0,"Maprange":65536},{"Isuid":false,"Isgid":true,"Hostid":231072,"Nsid":0,"Maprange":65536}]'` + "\n"
	want := []resource.Line{{Key: "lxc.idmap", Value: "u 0 165536 65536"}, {Key: "lxc.idmap", Value: "g 0 231072 65536"}}
	for _, text := range []string{
		"container:\n  architecture: x86_64\n  config:\n    security.idmap.isolated: \"true\"\n" + next + "    volatile.last_state.idmap: '[]'\n  devices: {}\nsnapshots: []\n",
		"instance:\n  config:\n" + next + "volume: null\n",
	} {
		have, err := noted(text)
		if diff := cmp.Diff(want, have); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
	for _, text := range []string{"", "container: {config: {}}\n", "volume: null\n"} {
		if have, err := noted(text); len(have) > 0 || err != nil {
			t.Errorf("%q: %v %v", text, have, err)
		}
	}
	for _, text := range []string{"\x00", "container: 5\n", "container: {config: {volatile.idmap.next: nonsense}}\n"} {
		if have, err := noted(text); err == nil {
			t.Errorf("%q: %v", text, have)
		}
	}
}

// FuzzNoted: whatever stands there is read or refused.
func FuzzNoted(f *testing.F) {
	f.Add("container:\n  config:\n    volatile.idmap.next: '[{\"Isuid\":true,\"Hostid\":165536,\"Maprange\":65536}]'\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := noted(text)
		if err != nil && lines != nil {
			t.Errorf("%v beside %v", lines, err)
		}
	})
}
