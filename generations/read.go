package generations

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ID is the uuid of what this book is about; "" for a book not begun.
func (b *Book) ID() (string, error) {
	text, err := ReadFile(b.path("uuid"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read uuid: %w", err)
	}
	id := strings.TrimSpace(string(text))
	if id == "" {
		return "", damaged("uuid", errors.New("empty"))
	}
	return id, nil
}

// Read reads the record of generation n. Errors: ErrNone, ErrDamaged,
// ErrForeign, ErrNewer.
func (b *Book) Read(n int) (Record, error) {
	id, err := b.ID()
	if err != nil {
		return Record{}, err
	}
	return b.read(n, id)
}

func (b *Book) read(n int, id string) (Record, error) {
	text, err := b.content(n, RecordFile)
	if err != nil {
		return Record{}, err
	}
	rec, err := decodeRecord(text, n)
	if err != nil {
		return Record{}, fmt.Errorf("read generation %d: %w", n, err)
	}
	if rec.ID != id {
		return Record{}, fmt.Errorf("read generation %d: %w: %s, not %s", n, ErrForeign, rec.ID, id)
	}
	return rec, nil
}

func decodeRecord(text []byte, n int) (Record, error) {
	var rec Record
	if err := json.Unmarshal(text, &rec); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if rec.Version > Version {
		return Record{}, fmt.Errorf("%w: form %d", ErrNewer, rec.Version)
	}
	if rec.Version < 1 || rec.Number != n || rec.ID == "" {
		return Record{}, fmt.Errorf("%w: form %d, number %d, uuid %q", ErrDamaged, rec.Version, rec.Number, rec.ID)
	}
	return rec, nil
}

// File reads another file of generation n. With ErrDamaged, when it is not as
// it was written, the content is returned nevertheless.
func (b *Book) File(n int, name string) ([]byte, error) {
	if !plainName(name) {
		return nil, fmt.Errorf("read generation %d: bad file name %q", n, name)
	}
	rec, err := b.Read(n)
	if err != nil {
		return nil, err
	}
	data, err := b.content(n, name)
	if err != nil {
		return nil, err
	}
	if want, ok := rec.Files[name]; ok && want != Sum(data) {
		return data, damaged(filepath.Join(b.Path(n), name), errors.New("not as it was written"))
	}
	return data, nil
}

func (b *Book) content(n int, name string) ([]byte, error) {
	if !b.has(n) {
		return nil, fmt.Errorf("read generation %d: %w", n, ErrNone)
	}
	text, err := ReadFile(filepath.Join(b.Path(n), name))
	if err != nil && !errors.Is(err, ErrDamaged) {
		return nil, fmt.Errorf("read generation %d: %w: %w", n, ErrDamaged, err)
	}
	return text, err
}

func (b *Book) has(n int) bool {
	info, err := os.Lstat(b.Path(n))
	return err == nil && n > 0 && info.IsDir()
}

// List reads all records, by number. What can't be read does not hide the
// others: the error names each damaged one, beside the records that are whole.
func (b *Book) List() ([]Record, error) {
	numbers, err := b.Numbers()
	if err != nil {
		return nil, err
	}
	id, err := b.ID()
	if err != nil {
		return nil, err
	}
	var list []Record
	var bad []error
	for _, n := range numbers {
		rec, err := b.read(n, id)
		if errors.Is(err, ErrNone) {
			continue // deleted since
		}
		if err != nil {
			bad = append(bad, err)
			continue
		}
		list = append(list, rec)
	}
	return list, errors.Join(bad...)
}

// Numbers lists the generations that are there, also damaged ones.
func (b *Book) Numbers() ([]int, error) {
	entries, err := os.ReadDir(b.path("generations"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list generations: %w", err)
	}
	var list []int
	for _, e := range entries {
		if n, ok := parseNumber(e.Name()); ok && e.IsDir() {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list, nil
}

// Next is the number of the next generation: one above the highest ever used.
func (b *Book) Next() (int, error) {
	list, err := b.Numbers()
	if err != nil {
		return 0, err
	}
	highest, err := b.highest()
	if err != nil {
		return 0, err
	}
	for _, n := range list {
		highest = max(highest, n)
	}
	return highest + 1, nil
}

// highest is the highest number that was ever given away and deleted again.
func (b *Book) highest() (int, error) {
	text, err := ReadFile(b.path("highest"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read highest number: %w", err)
	}
	n, ok := parseNumber(strings.TrimSpace(string(text)))
	if !ok {
		return 0, damaged(b.path("highest"), fmt.Errorf("%.20q", text))
	}
	return n, nil
}
