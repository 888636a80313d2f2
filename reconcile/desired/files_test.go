package desired

import (
	"strings"
	"testing"

	"strake/reconcile/idmap"
	"strake/reconcile/ledger"
	"strake/spec"
)

func build1(t *testing.T, c spec.Container, networks ...spec.Network) (Want, error) {
	t.Helper()
	return Build(Input{
		Spec: spec.Stack{Name: "s", Containers: []spec.Container{c}, Networks: networks}, Ledger: ledger.New("x"),
		Pool: []idmap.Range{{Base: 1 << 20, Size: 1 << 20}}, UUID: func() string { return "u" },
	})
}

// TestFiles: long content stands in the record by its digest and beside it
// once; a group left out is the user's own.
func TestFiles(t *testing.T) {
	long := strings.Repeat("x", 20000)
	w, err := build1(t, spec.Container{Name: "c", Files: []spec.File{
		{Path: "/b//long", Content: long}, {Path: "/a", Content: "short", Mode: "600", Owner: "web", OnChange: "none"}, {Path: "/c", Content: long},
	}})
	if err != nil {
		t.Fatal(err)
	}
	f := w.Containers[0].Files
	if f[0].Path != "/a" || f[0].Content != "short" || f[0].Mode != "0600" || f[0].Owner != "web" || f[0].OnChange != "" {
		t.Errorf("short: %+v", f[0])
	}
	if f[1].Path != "/b/long" || f[1].Content != "" || f[1].Size != 20000 || f[1].Owner != "root:root" || f[1].Digest != f[2].Digest {
		t.Errorf("long: %+v", f[1])
	}
	if len(w.Contents) != 1 || w.Contents[f[1].Digest] != long {
		t.Errorf("%d contents", len(w.Contents))
	}
}

// TestOwnResolver: a resolv.conf of the text is not written over.
func TestOwnResolver(t *testing.T) {
	lan := spec.Network{Name: "lan", IPv4: "10.0.0.1/24", DNS: true}
	c := spec.Container{Name: "c", NICs: []spec.NIC{{Name: "eth0", Network: "lan"}}}
	w, err := build1(t, c, lan)
	if err != nil || len(w.Containers[0].Resolver.Servers) != 1 {
		t.Fatalf("%v: %+v", err, w.Containers)
	}
	c.Files = []spec.File{{Path: "/etc/resolv.conf", Content: "nameserver 192.0.2.1\n"}}
	if w, err = build1(t, c, lan); err != nil || len(w.Containers[0].Resolver.Servers) != 0 {
		t.Errorf("%v: %+v", err, w.Containers[0].Resolver)
	}
}

// TestAdoptedFiles: nothing is written into a root that somebody else made.
func TestAdoptedFiles(t *testing.T) {
	image := &spec.Image{Source: "adopted:dir:/srv/root"}
	for name, c := range map[string]spec.Container{
		"file":   {Files: []spec.File{{Path: "/a", Content: "x"}}},
		"system": {System: spec.System{Run: []string{"true"}}},
	} {
		c.Name, c.Image = "c", image
		if _, err := build1(t, c); err == nil || !strings.Contains(err.Error(), "writes no files") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSite: a build has ids and an address that no container has, and leaves
// no choice behind.
func TestSite(t *testing.T) {
	w, err := build1(t, spec.Container{Name: "c", NICs: []spec.NIC{{Name: "eth0", Network: "lan"}}}, spec.Network{Name: "lan", IPv4: "10.0.0.1/24"})
	if err != nil {
		t.Fatal(err)
	}
	c := w.Containers[0]
	site, err := Site(w.Ledger, []idmap.Range{{Base: 1 << 20, Size: 1 << 20}}, &w.Networks[0], func() string { return "v" })
	if err != nil {
		t.Fatal(err)
	}
	if site.IDMap.Base == c.IDMap.Base || site.NICs[0].IPv4 == c.NICs[0].IPv4 || site.NICs[0].MAC == c.NICs[0].MAC || site.NICs[0].Device == c.NICs[0].Device {
		t.Errorf("%+v shares with %+v", site, c)
	}
	if len(site.Networks) != 1 || !site.NICs[0].Filter.IPv4 {
		t.Errorf("networks %+v, filter %+v", site.Networks, site.NICs[0].Filter)
	}
	if alone, err := Site(w.Ledger, []idmap.Range{{Base: 1 << 20, Size: 1 << 20}}, nil, func() string { return "v" }); err != nil || len(alone.NICs) > 0 {
		t.Errorf("without a network: %+v, %v", alone.NICs, err)
	}
}
