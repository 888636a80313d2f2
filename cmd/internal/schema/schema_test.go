package schema_test

import (
	"bytes"
	"encoding/json"
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
