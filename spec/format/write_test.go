package format_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"strake/spec"
	"strake/spec/format"
	"strake/spec/lang"
	"strake/spec/source"
)

// TestWrite: what is written is read as what it was, and is laid out as fmt
// lays it out.
func TestWrite(t *testing.T) {
	on, off := true, false
	odd := "a \"b\" ${c} %{d} \\ \t é"
	want := spec.Stack{
		Name:     "t",
		Networks: []spec.Network{{Name: "br0", External: "br0"}},
		Containers: []spec.Container{
			{
				Name: "c1", Hostname: "web", Image: &spec.Image{Source: `adopted:dir:/srv/a "b" ${c}`}, Running: &off,
				Autostart: spec.Autostart{Enabled: &on, Order: 3, Delay: 5 * time.Second, Group: "g"}, IDMap: spec.IDMap{Size: 70000},
				NICs:        []spec.NIC{{Name: "eth0", Network: "br0", MAC: "4a:49:43:49:79:bf", IPv4: "10.2.3.5/24", IPv6: "2001:db8::1/64", MTU: 1400, Filter: spec.Filter{MAC: &off, IPv4: &off, IPv6: &off}}},
				Environment: map[string]string{"A": odd, "EMPTY": ""}, Limits: spec.Limits{Memory: 64<<20 + 1, CPUs: 1.25, Processes: 40},
				Mounts: []spec.Mount{{Target: "/srv/x", Source: "/da ta", ReadOnly: true}, {Target: "/srv/y", Source: "/y"}},
				Raw:    map[string][]string{"lxc.cap.drop": {"a", odd}, "lxc.hook.start": {odd}}, Ignore: []string{"hostname", `raw["lxc.cap.drop"]`},
			},
			{Name: "0c", Image: &spec.Image{Source: "adopted:none"}, Autostart: spec.Autostart{Enabled: &on}, IDMap: spec.IDMap{Privileged: true}, Limits: spec.Limits{Memory: 3 << 30}},
		},
	}
	want.Imports = []spec.Import{{From: "0c", To: "0c"}, {From: "c1", To: "c1"}}
	text := format.Write(want)
	again, err := format.Format("t.hcl", text)
	if err != nil || string(again) != string(text) {
		t.Errorf("fmt makes of\n%s\n%s (%v)", text, again, err)
	}
	got, ds := lang.Load(source.Text{Name: "t", Files: []source.File{{Name: "t.hcl", Bytes: text}}}, lang.Variables{})
	if ds.HasErrors() {
		t.Fatalf("%v\n%s", ds, text)
	}
	ignore := cmp.Options{
		cmpopts.IgnoreFields(spec.Container{}, "Pos", "At", "Via"), cmpopts.IgnoreFields(spec.Network{}, "Pos", "At", "NAT", "Isolate", "HostAccess"),
		cmpopts.IgnoreFields(spec.Image{}, "Pos"), cmpopts.IgnoreFields(spec.Import{}, "Pos"), cmpopts.SortSlices(func(a, b spec.Container) bool { return a.Name < b.Name }), cmpopts.EquateEmpty(),
	}
	if diff := cmp.Diff(want, got, ignore); diff != "" {
		t.Errorf("%s\n%s", diff, text)
	}
}
