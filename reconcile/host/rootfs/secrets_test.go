package rootfs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
	"strake/reconcile/thread"
)

// values are what digests stand for in these tests.
var values = map[string]string{"d1": "first\nline", "d2": "second", "e1": "pass%word'\"$x", "big": strings.Repeat("x", 200_000)}

func reveal(digest string) ([]byte, error) {
	if v, ok := values[digest]; ok {
		return []byte(v), nil
	}
	return nil, errors.New("gone")
}

func digestOf(value []byte) string {
	for d, v := range values {
		if v == string(value) {
			return d
		}
	}
	return "other"
}

func secretFile(target, digest string, mode, owner uint32) resource.SecretFile {
	return resource.SecretFile{Target: target, Secret: resource.Secret{Digest: digest}, Mode: mode, Owner: owner, Group: owner}
}

// inited is a mounted root with a process on it.
func inited(t *testing.T) (r *Roots, root string, pid int) {
	t.Helper()
	runtime.LockOSThread() // the process dies with the thread that starts it, and SetSecrets ends threads
	r, root, _ = full(t)
	return r, root, started(t, root, "")
}

func (r *Roots) bring(t *testing.T, pid int, c resource.Container) {
	t.Helper()
	c.Name, c.IDMap = "c1", ids(1_000_000)
	if err := r.SetEnvironment("c1", c.IDMap, c.Environment); err != nil {
		t.Fatal(err)
	}
	if err := r.SetSecrets(pid, c, reveal); err != nil {
		t.Fatal(err)
	}
	have, drift, err := r.Secrets(pid, c, digestOf)
	if err != nil || len(drift) > 0 {
		t.Fatalf("drift %v, %v", drift, err)
	}
	if fmt.Sprint(have.SecretFiles) != fmt.Sprint(c.SecretFiles) || fmt.Sprint(have.Hidden) != fmt.Sprint(orEmpty(c.Hidden)) {
		t.Errorf("brought %v %v\nfound   %v %v", c.SecretFiles, c.Hidden, have.SecretFiles, have.Hidden)
	}
	if env, err := r.Environment("c1"); err != nil || !reflect.DeepEqual(env, orEmptyText(c.Environment)) {
		t.Errorf("plain environment: %v, %v", env, err)
	}
}

func orEmpty(m map[string]resource.Secret) map[string]resource.Secret {
	if m == nil {
		return map[string]resource.Secret{}
	}
	return m
}

func orEmptyText(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func inContainer(pid int, path string) string { return fmt.Sprintf("/proc/%d/root%s", pid, path) }

// onDisk greps the container's layers.
func onDisk(t *testing.T, r *Roots, text string) {
	t.Helper()
	_ = filepath.WalkDir(r.writable("c1"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if have, _ := os.ReadFile(path); bytes.Contains(have, []byte(text)) {
				t.Errorf("%s holds it", path)
			}
		}
		return nil
	})
}

func TestSecretFiles(t *testing.T) {
	r, root, pid := inited(t)
	one := secretFile("/run/secrets/a", "d1", 0o400, 0)
	two := secretFile("/etc/tls/key.pem", "d2", 0o440, 33)
	three := secretFile("/etc/hostname", "big", 0o444, 1)
	r.bring(t, pid, resource.Container{SecretFiles: []resource.SecretFile{one, two, three}})
	if got := read(t, inContainer(pid, "/run/secrets/a")); got != values["d1"] {
		t.Errorf("it holds %q", got)
	}
	wantOwner(t, inContainer(pid, "/etc/tls/key.pem"), 1_000_033)
	onDisk(t, r, "second")

	// What is right is not touched; what is rotated is there all the time.
	before := stat(t, inContainer(pid, "/etc/tls/key.pem"))
	stop, gaps := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				gaps <- n
				return
			default:
			}
			if text, err := os.ReadFile(inContainer(pid, "/run/secrets/a")); err != nil || string(text) != values["d1"] && string(text) != values["d2"] {
				n++
			}
		}
	}()
	for range 20 {
		for _, d := range []string{"d2", "d1"} {
			one.Digest = d
			r.bring(t, pid, resource.Container{SecretFiles: []resource.SecretFile{one, two}})
		}
	}
	close(stop)
	if n := <-gaps; n > 0 {
		t.Errorf("%d times it was not there while it was rotated", n)
	}
	if after := stat(t, inContainer(pid, "/etc/tls/key.pem")); after.Ino != before.Ino || after.Dev != before.Dev {
		t.Error("the one that stayed was replaced")
	}
	if got := read(t, inContainer(pid, "/etc/hostname")); got != "image\n" {
		t.Errorf("below the one that went: %q", got)
	}

	// Nobody in there can write.
	if err := os.WriteFile(inContainer(pid, "/etc/tls/key.pem"), nil, 0); !errors.Is(err, unix.EROFS) {
		t.Errorf("written: %v", err)
	}

	r.bring(t, pid, resource.Container{})
	for _, path := range []string{"/run/secrets/a", "/etc/tls/key.pem"} {
		if _, err := os.Lstat(inContainer(pid, path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
		if _, err := os.Lstat(root + path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left on disk: %v", path, err)
		}
	}
	if table := read(t, fmt.Sprintf("/proc/%d/mountinfo", pid)); strings.Contains(table, coverSource) {
		t.Errorf("mounts are left:\n%s", table)
	}
}

func stat(t *testing.T, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(path, err)
	}
	return st
}

func TestSecretEnvironment(t *testing.T) {
	r, root, pid := inited(t)
	plain := map[string]string{"A": "1", "http_proxy": "http://p:1"}
	hidden := map[string]resource.Secret{"TOKEN": {Digest: "e1"}}
	for _, c := range []resource.Container{
		{Environment: plain, Hidden: hidden},
		{Hidden: hidden},
		{Environment: plain},
		{Environment: plain, Hidden: hidden},
		{Hidden: map[string]resource.Secret{"TOKEN": {Digest: "d2"}, "https_proxy": {Digest: "d2"}}},
		{},
	} {
		r.bring(t, pid, c)
		onDisk(t, r, values["e1"])
		onDisk(t, r, "second")
		for _, path := range []string{"/etc/environment", "/etc/profile.d/strake.sh", "/etc/systemd/system.conf.d/90-strake.conf"} {
			text, _ := os.ReadFile(inContainer(pid, path))
			if strings.Contains(string(text), "TOKEN") != (len(c.Hidden) > 0) {
				t.Errorf("%s of %v: %s", path, c, text)
			}
		}
	}
	if _, err := os.Lstat(root + "/etc/profile.d/strake.sh"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a mount point is left: %v", err)
	}
}

func TestSecretDrift(t *testing.T) {
	r, _, pid := inited(t)
	c := resource.Container{
		Name: "c1", IDMap: ids(1_000_000), Hidden: map[string]resource.Secret{"TOKEN": {Digest: "e1"}},
		SecretFiles: []resource.SecretFile{secretFile("/run/secrets/a", "d1", 0o400, 0)},
	}
	r.bring(t, pid, c)
	must(t, uncovered(pid, "/run/secrets/a", "/etc/environment"))
	have, drift, err := r.Secrets(pid, c, digestOf)
	if err != nil || len(have.SecretFiles) != 0 || drift["/etc/environment"] == "" {
		t.Errorf("%v, %v, %v", have, drift, err)
	}
	r.bring(t, pid, c)
}

func TestSecretRefused(t *testing.T) {
	r, root, pid := inited(t)
	must(t, os.Symlink("/home", root+"/linked"))
	c := resource.Container{Name: "c1", IDMap: ids(1_000_000)}
	for target, why := range map[string]string{"/home": "no plain file", "/etc/hostname/x": "not a directory"} {
		c.SecretFiles = []resource.SecretFile{secretFile(target, "d1", 0o400, 0)}
		if err := r.SetSecrets(pid, c, reveal); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", target, err)
		}
	}
	c.SecretFiles = []resource.SecretFile{secretFile("/x", "d9", 0o400, 0)}
	if err := r.SetSecrets(pid, c, reveal); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("no value: %v", err)
	}
	// A link of the container's leads where it leads inside, not on the host.
	r.bring(t, pid, resource.Container{SecretFiles: []resource.SecretFile{secretFile("/linked/x", "d1", 0o400, 0)}})
	if _, err := os.Stat("/home/x"); err == nil {
		t.Error("it is on the host")
	}
	r.bring(t, pid, resource.Container{})
}

// uncovered takes mounts off behind strake's back.
func uncovered(pid int, paths ...string) error {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil {
		return err
	}
	defer ns.Close()
	done := make(chan error)
	go thread.Apart(func() {
		in, err := enterNamespace(ns, 0)
		for _, p := range paths {
			err = errors.Join(err, (&coverer{inside: in}).unmount(p))
		}
		done <- err
	})
	return <-done
}
