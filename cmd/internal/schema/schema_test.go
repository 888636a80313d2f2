package schema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tmccombs/hcl2json/convert"

	"strake/cmd/internal/schema"
	"strake/reconcile/apply"
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
		if text == nil || !shape.Match(told) || strings.Contains(file, "dynamic") { // what those make, only expanding them tells
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
			_, ds := language.Load(source.Text{Name: "t", Files: []source.File{{Name: "t.hcl.json", Bytes: []byte(text)}}}, language.Variables{})
			if err := validate(t, s, []byte(text)); (err != nil) != ds.HasErrors() {
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

// TestEvent: an event is what its schema says.
func TestEvent(t *testing.T) {
	s := compiled(t, "event")
	text, err := json.Marshal(apply.Event{Time: time.Unix(1, 0), Run: "r", Container: "c", Step: plan.DoStart, Outcome: "failed", Error: "x"})
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
