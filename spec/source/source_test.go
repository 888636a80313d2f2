package source_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"strake/spec/source"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "My_Stack")
	for name, text := range map[string]string{
		"b.hcl": "b", "a.hcl": "\ufeffa", "c.hcl.json": "{}", ".hidden.hcl": "x", "strake.lock.hcl": "x", "notes.txt": "x",
		"below/d.hcl": "x", "x.auto.hclvars": "v", "y.hclvars": "x",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	if err := os.Symlink("a.hcl", filepath.Join(dir, "link.hcl")); err != nil {
		t.Fatal(err)
	}
	got, err := source.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range append(got.Files, got.Vars...) {
		names = append(names, f.Name+"="+string(f.Bytes))
	}
	if s := strings.Join(names, " "); s != "a.hcl=a b.hcl=b c.hcl.json={} link.hcl=a x.auto.hclvars=v" {
		t.Error(s)
	}
	if got.Name != "my-stack" || got.Root != dir || got.Origin != dir {
		t.Errorf("%+v", got)
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "web.hcl"), "x")
	t.Chdir(dir)
	for _, path := range []string{"web.hcl", "./web.hcl", filepath.Join(dir, "web.hcl")} {
		got, err := source.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != "web" || got.Root != dir || got.Origin != filepath.Join(dir, "web.hcl") || got.Files[0].Name != "web.hcl" {
			t.Errorf("%s: %+v", path, got)
		}
	}
	vars, err := source.ReadVars("./web.hcl")
	if err != nil || vars.Name != "web.hcl" || string(vars.Bytes) != "x" {
		t.Errorf("%+v %v", vars, err)
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("nul.hcl"), "a\x00b")
	write(t, at("latin1.hcl"), "abc\xe9d")
	write(t, at("huge.hcl"), strings.Repeat("#", source.MaxFile+1))
	write(t, at("outside/secret.hcl"), "x")
	write(t, at("none/x.txt"), "x")
	write(t, at("folder/x.hcl/y"), "x")
	must(t, os.MkdirAll(at("link"), 0o755))
	must(t, os.Symlink("../outside/secret.hcl", at("link/a.hcl")))
	must(t, os.Symlink("nowhere", at("dangling.hcl")))
	must(t, syscall.Mkfifo(at("fifo.hcl"), 0o600))
	for _, c := range []struct {
		path string
		is   error
		want string
	}{
		{at("absent.hcl"), os.ErrNotExist, "absent.hcl: file does not exist"},
		{at("dangling.hcl"), os.ErrNotExist, "dangling.hcl"},
		{at("nul.hcl"), source.ErrNotText, "NUL byte at offset 1"},
		{at("latin1.hcl"), source.ErrNotText, "byte 0xe9 at offset 3"},
		{at("huge.hcl"), source.ErrTooLarge, "more than 4 MiB"},
		{at("fifo.hcl"), source.ErrNotRegular, "fifo"},
		{"/dev/null", source.ErrNotRegular, "device"},
		{at("none"), source.ErrEmpty, "no *.hcl"},
		{at("folder"), source.ErrNotRegular, "folder"},
		{at("link"), source.ErrOutside, "../outside/secret.hcl"},
		{at("link/a.hcl"), source.ErrOutside, "leads out of its folder"},
	} {
		_, err := source.Read(c.path)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), filepath.Base(c.path)) {
			t.Errorf("%s: %v", c.path, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTotal(t *testing.T) {
	dir := t.TempDir()
	for i := range source.MaxTotal/source.MaxFile + 1 {
		write(t, filepath.Join(dir, string(rune('a'+i))+".hcl"), strings.Repeat("#", source.MaxFile))
	}
	if _, err := source.Read(dir); !errors.Is(err, source.ErrTooLarge) {
		t.Error(err)
	}
}

func TestInput(t *testing.T) {
	for _, c := range []struct{ text, name, want string }{{"x = 1", "stdin.hcl", ""}, {"\n {\"x\": 1}", "stdin.hcl.json", ""}, {"\x00", "", "the standard input: is not text"}} {
		r, w, err := os.Pipe()
		must(t, err)
		_, err = w.WriteString(c.text)
		must(t, err)
		must(t, w.Close())
		old := os.Stdin
		os.Stdin = r
		got, err := source.Read("-")
		os.Stdin = old
		switch {
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: %v", c.text, err)
		case c.want == "" && (err != nil || got.Origin != "-" || string(got.Files[0].Bytes) != c.text || got.Files[0].Name != c.name):
			t.Errorf("%q: %+v %v", c.text, got, err)
		}
	}
}

func TestFolderFiles(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	write(t, filepath.Join(root, "in.txt"), "in")
	write(t, filepath.Join(root, "sub/a.txt"), "a")
	write(t, filepath.Join(dir, "out.txt"), "out")
	must(t, os.Symlink("../out.txt", filepath.Join(root, "out")))
	must(t, os.Symlink("..", filepath.Join(root, "up")))
	f := source.OpenFolder(root)
	defer f.Close()
	for _, name := range []string{"in.txt", "./in.txt", "sub/../in.txt"} {
		if data, err := f.Read(name); err != nil || !bytes.Equal(data, []byte("in")) {
			t.Errorf("%s: %q %v", name, data, err)
		}
	}
	for _, name := range []string{"out", "up/out.txt", "../out.txt", filepath.Join(dir, "out.txt"), "sub", ""} {
		if data, err := f.Read(name); err == nil {
			t.Errorf("%s was read: %q", name, data)
		}
		if ok, _ := f.Exists(name); ok {
			t.Errorf("%s exists", name)
		}
	}
	if names, err := f.Glob("./sub", "*.txt"); err != nil || strings.Join(names, " ") != "a.txt" {
		t.Error(names, err)
	}
	for _, c := range [][2]string{{"up", "*"}, {".", "*"}, {".", "o*"}, {".", "out"}, {".", "*/*.txt"}, {".", "up/*"}, {"..", "*"}, {".", "../*"}, {dir, "*"}} {
		if names, err := f.Glob(c[0], c[1]); !errors.Is(err, source.ErrOutside) {
			t.Errorf("%v: %v %v", c, names, err)
		}
	}
	must(t, os.Symlink("nowhere", filepath.Join(root, "dangling.txt")))
	must(t, os.Symlink("sub", filepath.Join(root, "same")))
	for _, c := range [][3]string{{".", "*.txt", "in.txt"}, {".", "s*/*", "same/a.txt sub/a.txt"}, {"", "sub/a.txt", "sub/a.txt"}, {"none", "*", ""}, {".", "in.txt/*", ""}, {".", "s*", ""}} {
		if names, err := f.Glob(c[0], c[1]); err != nil || strings.Join(names, " ") != c[2] {
			t.Errorf("%v: %v %v", c, names, err)
		}
	}
	if _, err := f.Glob(".", "["); err == nil {
		t.Error("[ is no pattern")
	}
	many := filepath.Join(dir, "many")
	for i := range 1000 {
		write(t, filepath.Join(many, strconv.Itoa(i)), "")
	}
	must(t, os.Symlink(".", filepath.Join(many, "l")))
	m := source.OpenFolder(many)
	defer m.Close()
	var err error
	for i := 0; i < 72 && err == nil; i++ {
		_, err = m.Glob(".", "l/l/l/l/l/l/l/x*")
	}
	if err == nil || !strings.Contains(err.Error(), "go through more than") {
		t.Error(err)
	}
	if _, err := source.OpenFolder("").Read("x"); !errors.Is(err, source.ErrNoFolder) {
		t.Error(err)
	}
}
