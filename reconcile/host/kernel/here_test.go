package kernel

import (
	"os"
	"testing"
)

// TestHere reads the machine that the test runs on: it can run containers, so
// nothing may be said to be impossible.
func TestHere(t *testing.T) {
	f, err := Read(os.DirFS("/"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", f.Cgroup)
	for _, d := range Findings(f, Host{LXC: "5.0.2", SubUIDs: 10000001, SubGIDs: 10000001, StateDir: "/var/lib/strake"}) {
		t.Logf("%-16s %-4s %s\n    %s", d.Subject, d.Level, d.Meaning, d.Mend)
		if d.Level == Fail {
			t.Errorf("%s: %s", d.Subject, d.Meaning)
		}
	}
}
