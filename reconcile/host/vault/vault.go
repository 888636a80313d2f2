// Package vault keeps what must not be seen. It reads the files of secrets,
// tells values apart by keyed digests, and keeps those that generations speak
// of sealed to a key of this host: so that a start finds them with nobody
// around, and no plain byte of them is on a disk. No error of it holds a value.
// It is the only one that knows age.
package vault

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"strake/reconcile/resource"
)

// ErrNoKey: the host has no key yet, so nothing can be encrypted to it.
var ErrNoKey = errors.New("this host has no key yet; `strake secret recipient` makes it and prints what to encrypt to")

// Vault is one folder of sealed values, and the key that opens them. Several
// processes may use it at a time.
type Vault struct{ dir string }

// Open names the folder; it touches nothing.
func Open(dir string) *Vault { return &Vault{dir} }

func (v *Vault) keyFile() string { return filepath.Join(v.dir, "host.key") }

func (v *Vault) values() string { return filepath.Join(v.dir, "values") }

// identity reads the host's key. Error: ErrNoKey.
func (v *Vault) identity() (*age.X25519Identity, error) {
	text, err := os.ReadFile(v.keyFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoKey
	}
	if err != nil {
		return nil, fmt.Errorf("read host key: %w", err)
	}
	id, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("read host key: %s holds no age key", v.keyFile()) // what it holds instead may be a secret
	}
	return id, nil
}

// ensure reads the host's key, and makes one where there is none. Of several
// that try at once, the first one's is everybody's.
func (v *Vault) ensure() (*age.X25519Identity, error) {
	id, err := v.identity()
	if !errors.Is(err, ErrNoKey) {
		return id, err
	}
	if id, err = age.GenerateX25519Identity(); err != nil {
		return nil, fmt.Errorf("make host key: %w", err)
	}
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make host key: %w", err)
	}
	fresh, err := aside(v.dir, []byte(id.String()+"\n"))
	if err != nil {
		return nil, fmt.Errorf("make host key: %w", err)
	}
	defer os.Remove(fresh)
	if err := os.Link(fresh, v.keyFile()); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make host key: %w", err)
	}
	if err := settle(v.dir); err != nil {
		return nil, fmt.Errorf("make host key: %w", err)
	}
	return v.identity()
}

// Recipient is what people encrypt to for this host ("age1..."). The key is
// made at first use.
func (v *Vault) Recipient() (string, error) {
	id, err := v.ensure()
	if err != nil {
		return "", err
	}
	return id.Recipient().String(), nil
}

// Digest tells values apart and says nothing about them to those who have not
// the host's key: short secrets could be guessed by a plain hash. It is ""
// while there is no key.
func (v *Vault) Digest(value []byte) (string, error) {
	id, err := v.identity()
	if errors.Is(err, ErrNoKey) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return digest(id, value), nil
}

// digest is HMAC-SHA256. Its key follows from the host's, so that one file is
// all that has to be kept.
func digest(id *age.X25519Identity, value []byte) string {
	key := sum([]byte(id.String()), []byte("strake: digest of a secret"))
	return hex.EncodeToString(sum(key, value))
}

func sum(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

func (v *Vault) sealed(digest string) (string, error) {
	if raw, err := hex.DecodeString(digest); err != nil || len(raw) != sha256.Size {
		return "", errors.New("that is no digest of a secret")
	}
	return filepath.Join(v.values(), digest), nil
}

func missing(digest string) error {
	return fmt.Errorf("the value with the digest %.12s... %w on this host any more; apply the configuration that has it", digest, resource.ErrNotFound)
}
