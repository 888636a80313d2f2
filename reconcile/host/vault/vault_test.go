package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"strake/reconcile/resource"
)

func write(t *testing.T, path string, text []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, text, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// sealedTo encrypts as people do.
func sealedTo(t *testing.T, recipient string, value []byte) []byte {
	t.Helper()
	to, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err == nil {
		_, err = w.Write(value)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func armoured(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := armor.NewWriter(&b)
	_, err := w.Write(text)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return append([]byte("\n"), b.Bytes()...)
}

func TestKeep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	v := Open(dir)
	if d, err := v.Digest([]byte("x")); d != "" || err != nil {
		t.Errorf("a digest without a key: %q, %v", d, err)
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Error("asking for a digest made the folder")
	}
	one, err := v.Keep([]byte("hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	if two, err := v.Keep([]byte("hunter2")); one != two || err != nil {
		t.Errorf("the same value has %s and %s, %v", one, two, err)
	}
	if got, err := Open(dir).Reveal(one); string(got) != "hunter2" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if d, _ := v.Digest([]byte("hunter2")); d != one {
		t.Errorf("digest %s, kept under %s", d, one)
	}
	if other, _ := Open(t.TempDir()).Keep([]byte("hunter2")); other == one {
		t.Error("another host has the same digest")
	}
	if list, err := v.List(); len(list) != 1 || list[0] != one || err != nil {
		t.Errorf("%v, %v", list, err)
	}
	for _, path := range []string{"host.key", "values/" + one} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	text, _ := os.ReadFile(filepath.Join(dir, "values", one))
	if bytes.Contains(text, []byte("hunter2")) {
		t.Error("it rests in plain text")
	}
	write(t, filepath.Join(dir, "values", one), text[:len(text)-1], 0o600)
	if _, err := v.Reveal(one); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("damaged: %v", err)
	}
	if err := errors.Join(v.Drop(one), v.Drop(one)); err != nil {
		t.Error(err)
	}
	if _, err := v.Reveal(one); !errors.Is(err, resource.ErrNotFound) {
		t.Errorf("dropped: %v", err)
	}
	for _, bad := range []string{"", "../host.key", strings.Repeat("0", 62), "/etc/passwd"} {
		if _, err := v.Reveal(bad); err == nil {
			t.Errorf("%q is a digest", bad)
		}
	}
}

// TestOneKey has many make the host's key at a time.
func TestOneKey(t *testing.T) {
	dir := t.TempDir()
	found := make([]string, 8)
	var all sync.WaitGroup
	for i := range found {
		all.Go(func() { found[i], _ = Open(dir).Recipient() })
	}
	all.Wait()
	for _, r := range found {
		if r != found[0] || !strings.HasPrefix(r, "age1") {
			t.Errorf("keys %v", found)
		}
	}
	if left, _ := filepath.Glob(dir + "/.tmp-*"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestRead(t *testing.T) {
	root, host := t.TempDir(), t.TempDir()
	v := Open(filepath.Join(host, "secrets"))
	recipient, err := v.Recipient()
	if err != nil {
		t.Fatal(err)
	}
	sealed := sealedTo(t, recipient, []byte("value"))
	write(t, filepath.Join(root, "plain"), []byte("value"), 0o600)
	write(t, filepath.Join(root, "sealed.age"), sealed, 0o644)
	write(t, filepath.Join(root, "armoured"), armoured(t, sealed), 0o666)
	write(t, filepath.Join(host, "plain"), []byte("value"), 0o400)
	write(t, filepath.Join(host, "sealed"), sealed, 0o644)
	if err := os.Chown(filepath.Join(root, "sealed.age"), 1000, 1000); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"plain", "sealed.age", "armoured", "./plain", host + "/plain", host + "/sealed"} {
		if got, err := v.Read(root, name); string(got) != "value" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}

	write(t, filepath.Join(root, "open"), []byte("value"), 0o640)
	write(t, filepath.Join(root, "somebodys"), []byte("value"), 0o600)
	write(t, filepath.Join(host, "writable"), sealed, 0o622)
	write(t, filepath.Join(root, "empty"), nil, 0o600)
	write(t, filepath.Join(root, "large"), make([]byte, Most+1), 0o600)
	write(t, filepath.Join(root, "large.age"), sealedTo(t, recipient, make([]byte, Most+1)), 0o600)
	other, _ := Open(t.TempDir()).Recipient()
	write(t, filepath.Join(root, "other.age"), sealedTo(t, other, []byte("value")), 0o600)
	write(t, filepath.Join(root, "cut.age"), sealed[:len(sealed)-3], 0o600)
	write(t, filepath.Join(root, "head.age"), sealed[:40], 0o600)
	write(t, filepath.Join(root, "armour.age"), armoured(t, sealed)[:90], 0o600)
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	write(t, filepath.Join(root, "flipped.age"), flipped, 0o600)
	for path, to := range map[string]string{"out": host + "/plain", "up": "../x", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(root, path)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(root, "somebodys"), 1000, 1000); err != nil {
		t.Fatal(err)
	}
	for name, why := range map[string]string{
		"open": "chmod 600", "somebodys": "chown root", host + "/writable": "chmod 600", "empty": "empty", "large": "too large", "large.age": "too large",
		"other.age": "encrypt it to " + recipient, "cut.age": "damaged", "head.age": "damaged", "armour.age": "damaged", "flipped.age": "damaged",
		"out": "leads out of the folder", "up": "leads out of the folder", "loop": "too many", "none": "no such file", "/dev/zero": "not a regular file", ".": "not a regular file",
	} {
		got, err := v.Read(root, name)
		if err == nil || !strings.Contains(err.Error(), why) || bytes.Contains(got, []byte("value")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(t.TempDir()).Read(root, "sealed.age"); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
}
