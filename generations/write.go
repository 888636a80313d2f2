package generations

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Claim makes the book that of id, or fails with ErrForeign when it is
// another's.
func (b *Book) Claim(id string) error {
	if id == "" {
		return errors.New("claim book: empty uuid")
	}
	have, err := b.ID()
	if err != nil {
		return err
	}
	if have == id {
		return nil
	}
	if have != "" {
		return fmt.Errorf("claim book %s: %w: %s, not %s", b.dir, ErrForeign, have, id)
	}
	if err := b.d.makeDirs(b.dir); err != nil {
		return fmt.Errorf("claim book: %w", err)
	}
	if err := b.d.prepare(b.path("uuid"), []byte(id+"\n"), 0o644); err != nil {
		return fmt.Errorf("claim book: %w", err)
	}
	if err := b.d.rename(beside(b.path("uuid")), b.path("uuid")); err != nil {
		return fmt.Errorf("claim book: %w", err)
	}
	return nil
}

// Write makes generation rec.Number from its record and its other files, by
// name. Version, when 0, and Files are filled in. The files are readable by
// their owner only, since what is wanted may hold secrets of an environment;
// the record itself is for everyone.
//
// What a generation holds is on disk before it has its name; the name itself
// is for certain there when an activation is.
//
// Errors: ErrUsed, ErrForeign.
func (b *Book) Write(rec Record, files map[string][]byte) error {
	if err := b.write(rec, files); err != nil {
		return fmt.Errorf("write generation %d: %w", rec.Number, err)
	}
	return nil
}

func (b *Book) write(rec Record, files map[string][]byte) error {
	if err := b.mayWrite(rec, files); err != nil {
		return err
	}
	all, err := contents(rec, files)
	if err != nil {
		return err
	}
	if err := b.d.makeDirs(b.path("generations")); err != nil {
		return err
	}
	aside := beside(b.Path(rec.Number))
	if err := b.d.removeTree(aside); err != nil {
		return err
	}
	if err := b.fill(aside, all); err != nil {
		return errors.Join(err, b.d.removeTree(aside))
	}
	return b.d.rename(aside, b.Path(rec.Number))
}

func (b *Book) mayWrite(rec Record, files map[string][]byte) error {
	for name := range files {
		if name == RecordFile || !plainName(name) {
			return fmt.Errorf("bad file name %q", name)
		}
	}
	next, err := b.Next()
	if err != nil {
		return err
	}
	if rec.Number < next {
		return fmt.Errorf("%w: the next one is %d", ErrUsed, next)
	}
	if rec.Version > Version {
		return ErrNewer
	}
	return b.Claim(rec.ID)
}

func plainName(name string) bool {
	return name != "" && name[0] != '.' && !strings.ContainsAny(name, "/\x00")
}

// contents adds the record, with the sums of the files, to the files.
func contents(rec Record, files map[string][]byte) (map[string][]byte, error) {
	if rec.Version == 0 {
		rec.Version = Version
	}
	rec.Files = make(map[string]string, len(files))
	for name, data := range files {
		rec.Files[name] = Sum(data)
	}
	text, err := json.MarshalIndent(rec, "", "  ")
	if err != nil {
		return nil, err
	}
	all := maps.Clone(files)
	if all == nil {
		all = map[string][]byte{}
	}
	all[RecordFile] = append(text, '\n')
	return all, nil
}

// Sum identifies a file's content as Record.Files does.
func Sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// fill writes all files before it waits for the first to be on disk.
func (b *Book) fill(dir string, files map[string][]byte) error {
	if err := b.d.mkdir(dir); err != nil {
		return err
	}
	made := []string{dir}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, name)
		if err := b.d.create(path, files[name], modeOf(name)); err != nil {
			return err
		}
		made = append(made, path)
	}
	return b.d.sync(made...)
}

func modeOf(name string) os.FileMode {
	if name == RecordFile {
		return 0o444
	}
	return 0o600
}

// Sweep removes what interrupted writes and deletions left behind. It must
// not run beside a writer.
func (b *Book) Sweep() error {
	for _, dir := range []string{b.dir, b.path("generations")} {
		if err := b.sweep(dir); err != nil {
			return fmt.Errorf("sweep book: %w", err)
		}
	}
	return nil
}

func (b *Book) sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case !strings.HasPrefix(e.Name(), ".tmp-"):
		case e.IsDir():
			err = errors.Join(err, b.d.removeTree(path))
		default:
			err = errors.Join(err, b.d.remove(path))
		}
	}
	return err
}
