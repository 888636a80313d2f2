package vault

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// Most is how many bytes a secret may have. It rests in memory that is not
// swapped, once for each container that has it.
const Most = 256 << 10

// intro begins every binary file of age, see its specification.
const intro = "age-encryption.org/"

// Read gives the value in a secret's file. A relative name is one in the
// folder root, and no link leads out of it. What is encrypted with age is
// decrypted with the host's key; anything else has to be root's alone. An
// absolute name is a file of the host: root's in any case.
func (v *Vault) Read(root, name string) ([]byte, error) {
	value, err := v.read(root, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return value, nil
}

func (v *Vault) read(root, name string) ([]byte, error) {
	f, err := openFile(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, plainly(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	text, err := io.ReadAll(io.LimitReader(f, 2*Most)) // armour makes a third more of it
	if err != nil {
		return nil, plainly(err)
	}
	if err := entrusted(name, info, encrypted(text)); err != nil {
		return nil, err
	}
	if encrypted(text) {
		return v.decrypt(text)
	}
	return text, bounded(text)
}

// openFile opens without waiting for the other end of a pipe.
func openFile(root, name string) (*os.File, error) {
	const flags = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_CLOEXEC
	if filepath.IsAbs(name) {
		f, err := os.OpenFile(name, flags, 0)
		return f, plainly(err)
	}
	folder, err := os.OpenRoot(root)
	if err != nil {
		return nil, plainly(err)
	}
	defer folder.Close()
	f, err := folder.OpenFile(name, flags, 0)
	if err = plainly(err); err != nil && err.Error() == escapes {
		err = errors.New("it leads out of the folder of the text; a file of the host is given by its absolute path")
	}
	return f, err
}

// escapes is os.Root's word for a path that leads out; it has no value for it.
const escapes = "path escapes from parent"

// plainly leaves the path out, which is said already.
func plainly(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func encrypted(text []byte) bool {
	return bytes.HasPrefix(text, []byte(intro)) || bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte(armor.Header))
}

// entrusted says what is wrong with whom the file belongs to.
func entrusted(name string, info fs.FileInfo, sealed bool) error {
	if sealed && !filepath.IsAbs(name) {
		return nil // it may be anybody's: only this host can read it
	}
	mode := info.Mode().Perm()
	owner := uint32(0)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = st.Uid
	}
	switch {
	case owner != 0:
		return fmt.Errorf("it belongs to user %d; a secret's file has to be root's: chown root %s", owner, name)
	case !sealed && mode&0o077 != 0:
		return fmt.Errorf("others than root can read or change it (mode %04o): chmod 600 %s", mode, name)
	case mode&0o022 != 0:
		return fmt.Errorf("others than root can change it (mode %04o): chmod 600 %s", mode, name)
	}
	return nil
}

func (v *Vault) decrypt(text []byte) ([]byte, error) {
	id, err := v.identity()
	if err != nil {
		return nil, fmt.Errorf("it is encrypted with age, and %w", err)
	}
	r, err := age.Decrypt(dearmour(text), id)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return nil, fmt.Errorf("it is not encrypted to this host; encrypt it to %s", id.Recipient())
	}
	if err != nil {
		return nil, errors.New("it is damaged: age can't make sense of it")
	}
	value, err := io.ReadAll(io.LimitReader(r, Most+1))
	if err != nil {
		return nil, errors.New("it is damaged: age can't decrypt it")
	}
	return value, bounded(value)
}

func dearmour(text []byte) io.Reader {
	if bytes.HasPrefix(text, []byte(intro)) {
		return bytes.NewReader(text)
	}
	return armor.NewReader(bufio.NewReader(bytes.NewReader(bytes.TrimSpace(text))))
}

func bounded(value []byte) error {
	switch {
	case len(value) > Most:
		return fmt.Errorf("it is too large: a secret has at most %d KiB", Most>>10)
	case len(value) == 0:
		return errors.New("it is empty")
	}
	return nil
}
