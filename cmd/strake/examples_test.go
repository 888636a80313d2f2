package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"strake/cmd/internal/cli"
	"strake/reconcile"
	"strake/reconcile/host/hosttest"
	"strake/reconcile/host/lxc"
	"strake/reconcile/host/vault"
	"strake/reconcile/resource"
	"strake/reconcile/state"
	"strake/spec/lang"
	"strake/spec/source"
)

var update = flag.Bool("update", false, "write the goldens of the examples anew")

// TestExamples: every example validates, plans and renders, on a host in
// memory, to what stands in testdata/examples.
func TestExamples(t *testing.T) {
	for name, path := range exampleTexts(t) {
		t.Run(name, func(t *testing.T) {
			e := newExample(t, path)
			e.try("validate", e.path)
			e.try("plan", e.path)
			for _, c := range e.containers() {
				for _, form := range []string{"spec", "desired", "lxc"} {
					e.try("render", c, e.path, "--format", form)
				}
			}
			e.compare(filepath.Join(e.top, "testdata", "examples", name+".golden"))
		})
	}
}

// exampleTexts are the folders of examples, each block's file, and the
// example of the design.
func exampleTexts(t *testing.T) map[string]string {
	texts := map[string]string{"language": "../../testdata/examples/language"}
	for _, pattern := range []string{"../../examples/*", "../../examples/blocks/*.hcl"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if name := strings.TrimSuffix(filepath.Base(path), ".hcl"); name != "README.md" && name != "blocks" {
				texts[name] = path
			}
		}
	}
	if len(texts) < 18 {
		t.Fatalf("only %d examples", len(texts))
	}
	return texts
}

// example is one text in a folder of its own, and what strake says of it.
type example struct {
	t         *testing.T
	top, path string
	dir       string
	host      *hosttest.Host
	layers    hosttest.Layers
	said      bytes.Buffer
}

func newExample(t *testing.T, path string) *example {
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	e := &example{t: t, top: top, dir: t.TempDir(), host: hosttest.New(), path: filepath.Base(path)}
	from, to := filepath.Dir(path), e.dir
	if filepath.Ext(path) == "" {
		from, to = path, filepath.Join(e.dir, e.path) // a folder
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	e.host.Strangers = map[string]resource.Foreign{"old1": old()}
	t.Chdir(e.dir)
	e.seal(filepath.Join(e.dir, "secrets", "db.age"), filepath.Join(e.dir, e.path, "secrets", "db.age"))
	return e
}

// printing is the host in memory where configurations are LXC's own.
type printing struct{ *hosttest.Host }

// Printed is the last value of each key.
func (printing) Printed(text string, keys []string) (map[string]string, error) {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); slices.Contains(keys, key) {
			found[key] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return found, nil
}

// old is a container that lxc-create has made.
func old() resource.Foreign {
	var f resource.Foreign
	for _, l := range []resource.Line{
		{Key: "lxc.rootfs.path", Value: "dir:/var/lib/lxc/old1/rootfs"},
		{Key: "lxc.uts.name", Value: "old1"},
		{Key: "lxc.idmap", Value: "u 0 300000 65536"},
		{Key: "lxc.idmap", Value: "g 0 300000 65536"},
	} {
		f.Lines = append(f.Lines, l)
		f.Text += l.Key + " = " + l.Value + "\n"
	}
	return f
}

// seal writes a secret for this host.
func (e *example) seal(files ...string) {
	key, err := vault.Open(filepath.Join(e.dir, "state", "secrets")).Recipient()
	if err != nil {
		e.t.Fatal(err)
	}
	to, err := age.ParseX25519Recipient(key)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, file := range files {
		if info, err := os.Stat(filepath.Dir(filepath.Dir(file))); err != nil || !info.IsDir() {
			continue // the text is a file
		}
		var sealed bytes.Buffer
		w, err := age.Encrypt(&sealed, to)
		if err == nil {
			_, _ = w.Write([]byte("s3cret"))
			err = w.Close()
		}
		if err == nil {
			err = os.MkdirAll(filepath.Dir(file), 0o700)
		}
		if err == nil {
			err = os.WriteFile(file, sealed.Bytes(), 0o600)
		}
		if err != nil {
			e.t.Fatal(err)
		}
	}
}

func (e *example) open(g cli.Globals) (*cli.Deps, error) {
	render := func(top string, c resource.Container) (string, error) {
		return renderer(g.LXCPath, lxc.Environment{})(top, c)
	}
	return &cli.Deps{Engine: &reconcile.Engine{
		Host:  reconcile.Host{Containers: printing{e.host}, Devices: e.host, Filter: e.host, Leases: e.host.Leases(), Roots: e.host, Outlets: e.host.Outlets(), Images: hosttest.Images{}, Disks: hosttest.Disks{}, Layers: &e.layers, Builder: &e.layers, Subids: e.host, Vault: vault.Open(filepath.Join(g.StateDir, "secrets"))},
		State: state.Open(g.StateDir, render),
	}}, nil
}

// try runs a command that has to end well, and keeps what it says.
func (e *example) try(args ...string) {
	e.t.Helper()
	var out, err bytes.Buffer
	env := []string{"STRAKE_STATE_DIR=" + filepath.Join(e.dir, "state"), "STRAKE_LXC_PATH=" + filepath.Join(e.dir, "lxc")}
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		e.t.Setenv(name, value)
	}
	code := cli.Program{Open: e.open, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err, Env: env, User: "alice"}.Run(context.Background(), args)
	if code != 0 {
		e.t.Errorf("strake %s: exit %d\n%s%s", strings.Join(args, " "), code, out.String(), err.String())
	}
	fmt.Fprintf(&e.said, "$ strake %s\n%s%s\n", strings.Join(args, " "), err.String(), out.String())
}

func (e *example) containers() []string {
	text, err := source.Read(e.path)
	if err != nil {
		e.t.Fatal(err)
	}
	stack, ds := lang.Load(text, lang.Variables{})
	if ds.HasErrors() || len(stack.Containers) == 0 {
		e.t.Fatal("no containers", ds)
	}
	var list []string
	for _, c := range stack.Containers {
		list = append(list, c.Name)
	}
	return list
}

// compare holds what was said against the golden.
func (e *example) compare(file string) {
	got := strings.ReplaceAll(e.said.String(), e.dir, "/DIR")
	for _, c := range chance {
		got = c.ReplaceAllString(got, "${1}CHANCE")
	}
	got = padding.ReplaceAllString(got, "$1  ")
	for before := ""; before != got; {
		before, got = got, unsaid.ReplaceAllString(got, "")
	}
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			e.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		e.t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		e.t.Errorf("%s, see -update:\n%s", file, d)
	}
}

// chance is what a ledger draws: MACs, the addresses that are made of them,
// names of devices, and the host's key by which secrets are digested.
var chance = []*regexp.Regexp{
	regexp.MustCompile(`\b()[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b`),
	regexp.MustCompile(`(::)(?:[0-9a-f]{1,4}:)?[0-9a-f]{0,2}ff:fe[0-9a-f]{2}:[0-9a-f]{1,4}`),
	regexp.MustCompile(`("(?:device|secret|content)": "|lxc.net.\d+.veth.pair = |keyed-)[^"\n]+`),
	regexp.MustCompile(`("digest": ")[0-9a-f]{12,}`),
}

// unsaid are values in JSON that say nothing, so that a new word of the language
// changes only the examples that have it.
var unsaid = regexp.MustCompile(`(?m)^ +"\w+": (?:null|0|""|false|\{\s*\}),?\n`)

// padding of columns varies with what stands in them.
var padding = regexp.MustCompile(`(\S) {3,}`)
