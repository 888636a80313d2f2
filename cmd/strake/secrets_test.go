package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
)

// canary is part of every secret of the test, and of nothing else: not even of
// this program, a copy of which strake keeps.
var canary = fmt.Sprintf("c%dn%dry-", 4, 4)

// canaries are what gives it away: itself, and what the text makes of it.
var canaries = [][]byte{[]byte(canary), []byte(strings.ToUpper(canary)), []byte(base64.StdEncoding.EncodeToString([]byte(canary))[:8])}

func gives(text []byte) bool {
	return slices.ContainsFunc(canaries, func(c []byte) bool { return bytes.Contains(text, c) })
}

const guarded = `variable "password" {
  sensitive = true
}

secret "plain" {
  file = "plain"
}

secret "sealed" {
  file = "sealed.age"
}

container "c" {
  environment = {
    TOKEN = secret.sealed
    URL   = "http://${var.password}@x"
    UPPER = upper(var.password)
    MADE  = base64encode(var.password)
  }

  secret_file "/run/s/plain" {
    from = secret.plain
  }

  secret_file "/srv/password" {
    from = var.password
  }
}
`

// watcher looks for the canary in what processes outside of the container
// were told: strake itself is told it, what it runs must not be.
type watcher struct {
	w     world
	stop  chan struct{}
	done  sync.WaitGroup
	found map[string]bool
}

func (w world) watch() *watcher {
	a := &watcher{w: w, stop: make(chan struct{}), found: map[string]bool{}}
	a.done.Go(func() {
		for {
			select {
			case <-a.stop:
				return
			default:
				a.look()
			}
		}
	})
	return a
}

func (a *watcher) look() {
	list, _ := filepath.Glob("/proc/[0-9]*")
	here, _ := os.Readlink("/proc/self/ns/pid")
	for _, dir := range list {
		if ns, _ := os.Readlink(dir + "/ns/pid"); ns != here {
			continue // it is the container's own, or has ended
		}
		line, _ := os.ReadFile(dir + "/cmdline")
		env, _ := os.ReadFile(dir + "/environ")
		// An empty line is one of an execve under way, or of an end.
		told := gives(line) || gives(env)
		if !told || len(line) == 0 || bytes.HasPrefix(line, []byte("strake\x00")) || bytes.Contains(line, []byte("/enter\x00")) || bytes.Contains(line, []byte("/strake\x00")) {
			continue
		}
		a.found[strings.ReplaceAll(string(line), "\x00", " ")] = true
	}
}

func (a *watcher) end(t *testing.T) {
	close(a.stop)
	a.done.Wait()
	for line := range a.found {
		t.Errorf("a process was told a secret: %s", line)
	}
}

// TestSecretsNowhere goes through the life of a container with secrets,
// failures included, and looks for them in every byte that strake writes.
func TestSecretsNowhere(t *testing.T) {
	w, err := newWorld(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	s := secretTest{t, w}
	recipient := strings.TrimSpace(s.strake(0, "secret", "recipient"))
	s.write("conf/plain", canary+"one\n")
	s.write("conf/c.hcl", guarded)
	s.seal(recipient)
	watching := w.watch()

	s.strake(0, "validate", "conf")
	for _, form := range []string{"spec", "desired", "lxc"} {
		s.strake(0, "render", "--format", form, "c", "conf")
	}
	s.strake(0, "render", "--explain", "c", "conf")
	s.strake(0, "plan", "conf")
	s.strake(0, "--json", "plan", "-o", "saved", "conf")
	s.strake(8, "apply", "saved") // it has no value of the variable, and nobody else has
	s.strake(0, "-v", "apply", "conf")
	s.write("conf/plain", canary+"second")
	s.strake(0, "plan", "-o", "saved", "conf")
	s.strake(0, "apply", "saved")
	s.strake(0, "run", "c", "--", "sh", "-c", `test ${#TOKEN} = 10 -a -s /run/s/plain -a -s /srv/password`)
	s.write("conf/plain", canary+"other")
	s.strake(0, "-v", "--json", "apply", "conf")
	s.strake(0, "run", "c", "--", "umount", "/run/s/plain")
	s.strake(0, "--json", "status", "c")
	s.strake(0, "--json", "plan", "conf")
	s.write("conf/c.hcl", strings.ReplaceAll(guarded, "container \"c\" {", "container \"c\" {\n  raw = { \"lxc.hook.start\" = \"/bin/false\" }"))
	s.strake(4, "-v", "apply", "-y", "conf")
	s.write("conf/c.hcl", guarded+"container \"d\" {\n  hostname = var.password\n  environment = { A = \"${var.password}\\n\" }\n}\n")
	s.strake(3, "--json", "plan", "conf")
	s.write("conf/c.hcl", guarded)
	s.write("conf/plain", canary+strings.Repeat("x", 300<<10))
	s.strake(3, "apply", "conf")
	s.write("conf/plain", canary+"other")
	s.strake(0, "apply", "conf")
	s.crashes()
	s.strake(0, "rollback", "-y", "c")
	s.strake(0, "--json", "list-generations", "c")
	s.strake(0, "--json", "show-generation", "c", "1")
	s.strake(0, "--json", "diff-generations", "c", "1", "2")
	s.strake(0, "logs", "c")
	for _, look := range []string{"images", "networks", "doctor", "schema", "status", "list-generations"} {
		s.strake(0, look)
	}
	s.strake(0, "restart", "c")
	s.strake(0, "forget", "c")
	s.strake(0, "gc")
	s.nowhere()
	s.w.command("lxc-stop", "-k", "-P", filepath.Join(s.w.dir, "lxc"), "-n", "c").Run()
	s.w.command("lxc-destroy", "-P", filepath.Join(s.w.dir, "lxc"), "-n", "c").Run()
	s.strake(0, "apply", "conf")
	s.strake(0, "destroy", "-y", "--force", "c")
	watching.end(t)
	s.nowhere()
}

// crashes dies in the middle of rotations.
func (s secretTest) crashes() {
	for n := 1; n < 12; n += 3 {
		s.write("conf/plain", fmt.Sprintf("%sdeath %d", canary, n))
		r := s.w.strake([]string{"STRAKE_VAR_password=" + canary + "var", fmt.Sprintf("STRAKE_CRASH_AT=%d", n)}, "apply", "conf")
		s.silent("a crash", r.out)
		s.nowhere()
		s.strake(0, "apply", "conf")
		s.strake(0, "plan", "--detailed-exitcode", "conf")
	}
}

type secretTest struct {
	t *testing.T
	w world
}

func (s secretTest) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// strake runs a command that has to exit with code, and to say no secret.
func (s secretTest) strake(code int, args ...string) string {
	s.t.Helper()
	r := s.w.strake([]string{"STRAKE_VAR_password=" + canary + "var"}, args...)
	s.silent(strings.Join(args, " "), r.out)
	if r.code != code {
		s.t.Fatalf("strake %s: exit %d, not %d\n%s", strings.Join(args, " "), r.code, code, r.out)
	}
	return r.out
}

func (s secretTest) silent(what, out string) {
	s.t.Helper()
	if gives([]byte(out)) {
		s.t.Errorf("%s shows a secret:\n%s", what, out)
	}
}

// nowhere looks into every file that strake or liblxc writes, at their names,
// and where links lead.
func (s secretTest) nowhere() {
	s.t.Helper()
	looked := 0
	for _, top := range []string{s.w.dir, "/run/strake"} {
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Dir(path) == filepath.Join(s.w.dir, "conf") && slices.Contains([]string{"plain", "sealed.age"}, d.Name()) {
				return nil
			}
			text := []byte(path)
			switch d.Type() {
			case 0:
				text, _ = os.ReadFile(path)
			case fs.ModeSymlink:
				to, _ := os.Readlink(path)
				text = []byte(to)
			}
			if looked++; gives(text) || gives([]byte(path)) {
				s.t.Errorf("%s holds a secret", path)
			}
			return nil
		})
		if err != nil {
			s.t.Error(err)
		}
	}
	if looked < 50 {
		s.t.Errorf("looked at no more than %d files", looked)
	}
}

// seal makes the file that is encrypted to the host.
func (s secretTest) seal(recipient string) {
	s.t.Helper()
	to, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		s.t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(s.w.dir, "conf/sealed.age"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	w, err := age.Encrypt(f, to)
	if err == nil {
		_, err = w.Write([]byte(canary + "two\n"))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		s.t.Fatal(err)
	}
}
