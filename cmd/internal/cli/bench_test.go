package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strake/reconcile"
	"strake/reconcile/diary"
	"strake/reconcile/host/hosttest"
	"strake/reconcile/host/image"
	"strake/reconcile/host/lxc"
	"strake/reconcile/host/vault"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// bench is the program on a host in memory, with a folder for its files.
type bench struct {
	t       *testing.T
	dir     string
	host    *hosttest.Host
	console *fakeConsole
	store   *fakeStore
	env     []string
	uid     int
	layers  hosttest.Layers
}

// fakeConsole remembers what was run and answers with a code.
type fakeConsole struct {
	name string
	cmd  lxc.Command
	code int
}

func (c *fakeConsole) Run(_ context.Context, name string, cmd lxc.Command) (int, error) {
	c.name, c.cmd = name, cmd
	return c.code, nil
}

// Debug runs nothing.
func (c *fakeConsole) Debug(_ context.Context, made resource.Container, _ []string, cmd lxc.Command) (int, error) {
	c.name, c.cmd = made.Name, cmd
	return c.code, nil
}

type fakeStore struct {
	list    []image.Meta
	removed []string
}

func (s *fakeStore) List() ([]image.Meta, error) { return s.list, nil }

func (*fakeStore) Watch(image.Meter) {}

func (s *fakeStore) Remove(digest string) error {
	s.removed = append(s.removed, digest)
	return nil
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), host: hosttest.New(), console: &fakeConsole{}, store: &fakeStore{}}
	b.env = []string{"STRAKE_STATE_DIR=" + filepath.Join(b.dir, "state"), "STRAKE_LXC_PATH=" + filepath.Join(b.dir, "lxc")}
	t.Chdir(b.dir)
	for _, v := range b.env {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	return b
}

func (b *bench) open(g Globals) (*Deps, error) {
	return &Deps{
		Engine: &reconcile.Engine{
			Host:  reconcile.Host{Containers: b.host, Devices: b.host, Filter: b.host, Leases: b.host.Leases(), Roots: b.host, Outlets: b.host.Outlets(), Images: hosttest.Images{}, Disks: hosttest.Disks{}, Layers: &b.layers, Builder: &b.layers, Subids: b.host, Vault: vault.Open(filepath.Join(b.dir, "secrets"))},
			State: state.Open(g.StateDir, hosttest.Render),
			Diary: diary.Open(filepath.Join(g.StateDir, "events")),
		},
		Console: b.console, Images: b.store, Debugger: b.console,
	}, nil
}

// ended is how a call ended.
type ended struct {
	code     int
	out, err string
}

func (b *bench) run(args ...string) ended {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out, err bytes.Buffer
	code := Program{Open: b.open, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err, Env: b.env, UID: b.uid, User: "alice"}.Run(ctx, args)
	return ended{code, out.String(), err.String()}
}

// must runs what has to end with a code.
func (b *bench) must(code int, args ...string) ended {
	b.t.Helper()
	e := b.run(args...)
	if e.code != code {
		b.t.Fatalf("strake %s: exit %d, want %d\nstdout:\n%s\nstderr:\n%s", strings.Join(args, " "), e.code, code, e.out, e.err)
	}
	return e
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// has checks that all of these are in a text.
func has(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in\n%s", w, text)
		}
	}
}

// web is two containers on a network.
func web(settings string) string {
	return `network "lan" {
  ipv4 = "10.9.0.1/24"
}

container "c1" {
  nic "eth0" { network = network.lan }
` + settings + `
}

container "c2" {
  nic "eth0" { network = network.lan }
}
`
}

func (b *bench) limits(name string) resource.Limits {
	b.t.Helper()
	live, err := b.host.Inspect(context.Background(), name, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return live.Limits
}
