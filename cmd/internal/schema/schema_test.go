package schema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tmccombs/hcl2json/convert"

	"strake/cmd/internal/schema"
	"strake/reconcile/event"
	"strake/reconcile/plan"
	"strake/spec"
	language "strake/spec/lang"
	"strake/spec/source"
)

func compiled(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, err := schema.Of(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name+".json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

// asJSON is the JSON form of a file; nil of one that has none.
func asJSON(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(file, ".json") {
		return text
	}
	text, err = convert.Bytes(text, file, convert.Options{})
	if err != nil {
		return nil
	}
	return text
}

func glob(t *testing.T, patterns ...string) []string {
	t.Helper()
	var files []string
	for _, p := range patterns {
		found, err := filepath.Glob(p)
		if err != nil || len(found) == 0 {
			t.Fatalf("nothing is %s (%v)", p, err)
		}
		files = append(files, found...)
	}
	return files
}

const lang = "../../../spec/lang/testdata/"

// TestRight: whatever the language takes, its schema takes.
func TestRight(t *testing.T) {
	s := compiled(t, "spec")
	for _, file := range glob(t, lang+"right/*.hcl", lang+"right/*.hcl.json", "../../../examples/*/*.hcl") {
		text := asJSON(t, file)
		if text == nil {
			t.Errorf("%s has no JSON form", file)
			continue
		}
		if err := validate(t, s, text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	page, err := os.ReadFile("../../../spec/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllSubmatch(page, -1) {
		text, err := convert.Bytes(m[1], "README.md", convert.Options{})
		if err != nil {
			t.Error(err)
		} else if err := validate(t, s, text); err != nil {
			t.Errorf("%s\n%v", m[1], err)
		}
	}
}

// TestWrong: what has a word or block that is none, or lacks one, is of the
// wrong shape.
func TestWrong(t *testing.T) {
	s, tried := compiled(t, "spec"), 0
	shape := regexp.MustCompile(`(?m)^error: (unsupported (argument|block type)|missing required argument)`)
	for _, file := range glob(t, lang+"wrong/*.hcl", lang+"wrong/*.hcl.json") {
		told, err := os.ReadFile(strings.TrimSuffix(strings.TrimSuffix(file, ".json"), ".hcl") + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		text := asJSON(t, file)
		if text == nil || !shape.Match(told) {
			continue
		}
		tried++
		if validate(t, s, text) == nil {
			t.Errorf("%s is taken", file)
		}
	}
	if tried < 8 {
		t.Errorf("%d files are of the wrong shape", tried)
	}
	for _, text := range []string{
		`{"containr": {"a": {}}}`, `{"container": {"a": {"autostart": "yes"}}}`, `{"container": {"a": {"limits": {"cpus": "many"}}}}`,
		`{"container": {"a": {"lifecycle": {"drift": "mend"}}}}`, `{"volume": {"v": {}}}`, `{"container": {"a": {"environment": 3}}}`, `{"container": {"a": {"nic": {"eth0": {"ipv4": 4}}}}}`,
	} {
		if validate(t, s, []byte(text)) == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

// TestRanges: the language refuses a number exactly where its schema does.
func TestRanges(t *testing.T) {
	s, tried := compiled(t, "spec"), 0
	nic := func(rest string) string {
		return `{"network": {"n": {"ipv4": "10.9.0.1/24"}}, "container": {"a": {"nic": {"eth0": {"network": "${network.n}", ` + rest + `}}}}}`
	}
	for path, text := range map[string]string{
		"container.limits.processes":    `{"container": {"a": {"limits": {"processes": %d}}}}`,
		"container.nic.vlan":            nic(`"vlan": %d`),
		"container.nic.mtu":             nic(`"mtu": %d`),
		"container.nic.publish.to":      nic(`"publish": {"80": {"to": %d}}`),
		"container.publish.to":          `{"container": {"a": {"publish": {"80": {"to": %d}}}}}`,
		"container.health.check.status": `{"container": {"a": {"health": {"check": {"http": {"url": "http://:80/", "status": %d}}}}}}`,
		"egress.limits.connections":     `{"egress": {"e": {"allow": ["a.example"], "limits": {"connections": %d}}}}`,
		"network.mtu":                   `{"network": {"n": {"ipv4": "10.9.0.1/24", "mtu": %d}}}`,
	} {
		least, most := spec.Range(path)
		if most == 0 {
			t.Errorf("%s has no range", path)
		}
		for _, n := range []int{least - 1, least, most, most + 1} {
			tried++
			text := fmt.Sprintf(text, n)
			if ds, err := both(t, s, text); (err != nil) != ds.HasErrors() {
				t.Errorf("%s = %d: the schema says %v, the language %v", path, n, err, ds)
			}
		}
	}
	if ranges(spec.Language()) != tried/4 {
		t.Errorf("%d words have a range, %d were tried", ranges(spec.Language()), tried/4)
	}
}

// ranges counts the words that have one, those of profiles aside.
func ranges(b *spec.Block) int {
	n := 0
	for _, w := range b.Words {
		if w.Most > 0 {
			n++
		}
	}
	for _, in := range b.Blocks {
		if in.Name != "profile" {
			n += ranges(in)
		}
	}
	return n
}

// TestForms: the language refuses a text of another form wherever its schema
// does, and takes what has the form and means something.
func TestForms(t *testing.T) {
	s := compiled(t, "spec")
	container := func(rest string) string { return `{"container": {"a": {` + rest + `}}}` }
	nic := func(rest string) string {
		return `{"network": {"n": {"ipv4": "10.9.0.1/24", "ipv6": "fd00:9::1/64"}}, "container": {"a": {"nic": {"eth0": {"network": "${network.n}", ` + rest + `}}}}}`
	}
	macvlan := func(rest string) string {
		return container(`"nic": {"eth0": {"type": "macvlan", "ipv4": "none", "ipv6": "none", ` + rest + `}}`)
	}
	file, network := `"content": "", `, `{"network": {"n": {`
	check := func(label, rest string) string {
		return container(`"health": {"check": {"` + label + `": {` + rest + `}}}`)
	}
	formed := forms("", spec.Language())
	for _, c := range []struct{ what, text, good, bad string }{
		{"size", container(`"limits": {"memory": "%s"}`), "512MiB 1.5GiB 600000000B", "512 512M MiB 1,5GiB -1MiB"},
		{"rate", nic(`"limits": {"ingress": "%s"}`), "100Mbit 1.5Gbit 64kbit", "100 100M Mbit 100MB"},
		{"duration", container(`"health": {"deadline": "%s"}`), "90s 1m30s 1.5h", "90 5d s 1m30"},
		{"path", container(`"mount": {"/a": {"source": "%s"}}`), "/srv /a/b", "srv ./srv ~/x"},
		{"container.name", container(`"name": "%s"`), "b web-1 0a", "B a_b a.b -a a-"},
		{"container.hostname", container(`"hostname": "%s"`), "b Web.example.org", "a_b a/b"},
		{"container.nic.mac", nic(`"mac": "%s"`), "auto 02:00:00:12:34:56 02-00-00-12-34-56 0200.0012.3456", "02:00 other 02:00:00:12:34:5g"},
		{"container.nic.ipv4", nic(`"ipv4": "%s"`), "auto none 10.9.0.7 10.9.0.7/24", "any 10.9.0 fd00:9::7 10.9.0.7/"},
		{"container.nic.ipv6", nic(`"ipv6": "%s"`), "auto none fd00:9::7", "any 10.9.0.7 fd00"},
		{"container.nic.gateway4", nic(`"gateway4": "%s"`), "none 10.9.0.9", "auto fd00:9::9 10.9.0.9/24"},
		{"container.nic.gateway6", nic(`"gateway6": "%s"`), "none fd00:9::9", "auto 10.9.0.9"},
		{"container.nic.route.via", nic(`"route": {"192.0.2.0/24": {"via": "%s"}}`), "10.9.0.9", "auto 10.9 10.9.0.9/24"},
		{"container.nic.parent", macvlan(`"parent": "%s"`), "eth0 br-1.7", "-eth0 an-interface-name-that-is-long a/b"},
		{"network.ipv4", network + `"ipv4": "%s"}}}`, "none 10.9.0.1/24", "auto 10.9.0.1 fd00:9::1/64"},
		{"network.ipv6", network + `"ipv6": "%s"}}}`, "none link-local fd00:9::1/64", "auto fd00:9::1 10.9.0.1/24"},
		{"network.bridge", network + `"bridge": "%s"}}}`, "br0 st-x", "-br0 a/b a-bridge-name-that-is-long"},
		{"network.external", network + `"external": "%s"}}}`, "br0 st-x", "-br0 a/b"},
		{"network.nat.interface", network + `"ipv4": "10.9.0.1/24", "nat": {"interface": "%s"}}}}`, "eth0", "-eth0 a/b"},
		{"container.file.mode", container(`"file": {"/a": {` + file + `"mode": "%s"}}`), "0644 755 4755", "644x 888 64"},
		{"container.system.file.mode", container(`"system": {"file": {"/a": {` + file + `"mode": "%s"}}}`), "0644 755", "644x 888"},
		{"container.file.on_change", container(`"file": {"/a": {` + file + `"on_change": "%s"}}`), "none restart reload:nginx restart:a.service", "reload reload: stop:a"},
		{"image.sha256", `{"image": {"i": {"source": "tar:/a", "sha256": "%s"}}}`, strings.Repeat("0a", 32), "0a " + strings.Repeat("0A", 32)},
		{"image.source", `{"image": {"i": {"source": "%s"}}}`, "builtin:busybox oci:docker.io/a:b tar:/a.tar", "busybox docker:a tar:"},
		{"label nic", strings.Replace(nic(`"mtu": 1400`), "eth0", "%s", 1), "eth0 a.b", "a/b -a an-interface-name-that-is-long"},
		{"label nic.route", nic(`"route": {"%s": {"via": "10.9.0.9"}}`), "192.0.2.0/24", "192.0.2.0 default"},
		{"label nic.publish", nic(`"publish": {"%s": {"to": 80}}`), "80 65535", "http 0 080"},
		{"label publish", container(`"publish": {"%s": {}}`), "80 65535", "http 0 080"},
		{"label mount", container(`"mount": {"%s": {"source": "/srv"}}`), "/a", "a ./a"},
		{"label secret_file", `{"secret": {"s": {"file": "/s"}}, "container": {"a": {"secret_file": {"%s": {"from": "${secret.s}"}}}}}`, "/run/a", "a"},
		{"label file", container(`"file": {"%s": {"content": ""}}`), "/a", "a ./a"},
		{"label system.file", container(`"system": {"file": {"%s": {"content": ""}}}`), "/a", "a ./a"},
		{"label health.check", check("%s", `"path": "/a"`), "file file/b", "files file/ FILE"},
	} {
		for _, text := range strings.Fields(c.good) {
			if ds, err := both(t, s, fmt.Sprintf(c.text, text)); err != nil || ds.HasErrors() {
				t.Errorf("%s: %q: the schema says %v, the language %v", c.what, text, err, ds)
			}
		}
		for _, text := range strings.Fields(c.bad) {
			if ds, err := both(t, s, fmt.Sprintf(c.text, text)); err == nil || !ds.HasErrors() {
				t.Errorf("%s: %q: the schema says %v, the language %v", c.what, text, err, ds)
			}
		}
		delete(formed, c.what)
	}
	if len(formed) > 0 {
		t.Errorf("not tried: %v", formed)
	}
}

// forms are the words and labels that have a form, by path, or by type where
// all of a type have it; those of profiles aside.
func forms(path string, b *spec.Block) map[string]bool {
	list := map[string]bool{}
	if b.Form != "" {
		list["label "+strings.TrimPrefix(path, "container.")] = true
	}
	for _, w := range b.Words {
		if w.Form != "" && w.Form == spec.Form("", w.Type) {
			list[w.Type] = true
		} else if w.Form != "" {
			list[path+"."+w.Name] = true
		}
	}
	for _, in := range b.Blocks {
		if in.Name != "profile" {
			maps.Copy(list, forms(strings.TrimPrefix(path+"."+in.Name, "."), in))
		}
	}
	return list
}

// both is what the schema and the language say of a text.
func both(t *testing.T, s *jsonschema.Schema, text string) (spec.Diagnostics, error) {
	t.Helper()
	_, ds := language.Load(source.Text{Name: "t", Files: []source.File{{Name: "t.hcl.json", Bytes: []byte(text)}}}, language.Variables{})
	return ds, validate(t, s, []byte(text))
}

// TestEvent: an event is what its schema says.
func TestEvent(t *testing.T) {
	s := compiled(t, "event")
	text, err := json.Marshal(event.Event{Kind: event.Step, Run: "r", Container: "c", Step: string(plan.DoStart), Outcome: event.Failed, Error: "x"}.Sealed(time.Unix(1, 0)))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(t, s, text); err != nil {
		t.Error(err)
	}
	if validate(t, s, []byte(`{"time": 3, "run": "r", "outcome": "done"}`)) == nil {
		t.Error("a number is taken for a time")
	}
}
