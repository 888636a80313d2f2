package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"
)

// Keep seals a value and returns its digest. One that is there stays.
func (v *Vault) Keep(value []byte) (string, error) {
	id, err := v.ensure()
	if err != nil {
		return "", err
	}
	name := digest(id, value)
	path, err := v.sealed(name)
	if err != nil {
		return "", err
	}
	if _, err := os.Lstat(path); err == nil {
		return name, nil
	}
	if err := os.MkdirAll(v.values(), 0o700); err != nil {
		return "", fmt.Errorf("keep secret: %w", err)
	}
	text, err := seal(id, value)
	if err != nil {
		return "", fmt.Errorf("keep secret: %w", err)
	}
	fresh, err := aside(v.values(), text)
	if err != nil {
		return "", fmt.Errorf("keep secret: %w", err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", errors.Join(fmt.Errorf("keep secret: %w", err), os.Remove(fresh))
	}
	return name, settle(v.values())
}

func seal(id *age.X25519Identity, value []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := age.Encrypt(&b, id.Recipient())
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(value); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// Reveal is the value with this digest. What does not have it is not given
// out. Error: ErrNotFound of package resource.
func (v *Vault) Reveal(name string) ([]byte, error) {
	path, err := v.sealed(name)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(name)
	}
	if err != nil {
		return nil, fmt.Errorf("open secret: %w", err)
	}
	id, err := v.identity()
	if errors.Is(err, ErrNoKey) {
		err = fmt.Errorf("the host's key %s is gone: put it back, or apply the configuration that has the secret", v.keyFile())
	}
	if err != nil {
		return nil, fmt.Errorf("open secret %.12s: %w", name, err)
	}
	r, err := age.Decrypt(bytes.NewReader(text), id)
	if err != nil {
		return nil, fmt.Errorf("open secret %.12s: it is damaged, or sealed to another host key", name)
	}
	value, err := io.ReadAll(io.LimitReader(r, Most+1))
	if err != nil || digest(id, value) != name {
		return nil, fmt.Errorf("open secret %.12s: it is damaged", name)
	}
	return value, nil
}

// List names all that is kept, by digest.
func (v *Vault) List() ([]string, error) {
	entries, err := os.ReadDir(v.values())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	var list []string
	for _, e := range entries {
		if _, err := v.sealed(e.Name()); err == nil {
			list = append(list, e.Name())
		}
	}
	return list, nil
}

// Drop deletes a value. Gone already is fine.
func (v *Vault) Drop(name string) error {
	path, err := v.sealed(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop secret: %w", err)
	}
	return nil
}

// aside writes a file under a name of its own, for root alone and durable.
func aside(dir string, text []byte) (string, error) {
	f, err := os.CreateTemp(dir, ".tmp-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// settle makes the names in a folder durable.
func settle(dir string) error {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
