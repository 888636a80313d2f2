package lang_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strake/spec/lang"
	"strake/spec/source"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestWrong holds what a user sees for every mistake that is looked for.
func TestWrong(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*")
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, ".txt") })
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := source.Read(file)
			if err != nil {
				t.Fatal(err)
			}
			_, diags := lang.Load(text, givenBeside(file))
			if !diags.HasErrors() {
				t.Error("no error was found")
			}
			golden(t, strings.TrimSuffix(strings.TrimSuffix(file, ".json"), ".hcl")+".txt", diags.Error())
		})
	}
}

// givenBeside reads what a folder's file "given" has of the environment and
// the command line.
func givenBeside(folder string) lang.Variables {
	vars := lang.Variables{Environment: map[string]string{}}
	lines, err := os.ReadFile(filepath.Join(folder, "given"))
	if err != nil {
		return vars
	}
	for line := range strings.Lines(string(lines)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if env, is := strings.CutPrefix(name, "STRAKE_VAR_"); is {
			vars.Environment[env] = value
			continue
		}
		vars.Given = append(vars.Given, lang.Given{Name: strings.TrimPrefix(name, "--var "), Value: value})
	}
	return vars
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
}
