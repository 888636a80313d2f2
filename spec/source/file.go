package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"
)

// readFile reads a text file inside root.
func readFile(root *os.Root, name, shown string) ([]byte, error) {
	data, err := readBytes(root, name, shown)
	if err != nil {
		return nil, err
	}
	return check(shown, data)
}

// readBytes reads a regular file inside root. os.Root follows symlinks that
// stay inside and refuses the others. The file is looked at before it is
// opened, because opening a device can have effects, and again afterwards,
// because it may have been exchanged; O_NONBLOCK keeps a fifo from blocking.
func readBytes(root *os.Root, name, shown string) ([]byte, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, refused(root, name, shown, err)
	}
	if !info.Mode().IsRegular() {
		return nil, irregular(shown, info.Mode())
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, refused(root, name, shown, err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, unreadable(shown, err)
	}
	if !info.Mode().IsRegular() {
		return nil, irregular(shown, info.Mode())
	}
	return bounded(shown, f)
}

// bounded reads all that there is, and refuses too much.
func bounded(shown string, from io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(from, MaxFile+1))
	switch {
	case err != nil:
		return nil, unreadable(shown, err)
	case len(data) > MaxFile:
		return nil, fmt.Errorf("read %s: %w: more than %d MiB", shown, ErrTooLarge, MaxFile>>20)
	}
	return data, nil
}

// refused tells an escaping symlink from the other failures: os.Root has no
// exported error for it. The symlink may be any folder on the way.
func refused(root *os.Root, name, shown string, err error) error {
	if !filepath.IsLocal(name) {
		return fmt.Errorf("read %s: the path %w", shown, ErrOutside)
	}
	link, lerr := root.Lstat(name)
	for lerr != nil && filepath.Dir(name) != name {
		name = filepath.Dir(name)
		link, lerr = root.Lstat(name)
	}
	if lerr != nil || link.Mode()&os.ModeSymlink == 0 || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return unreadable(shown, err)
	}
	to, _ := root.Readlink(name)
	return fmt.Errorf("read %s: the symlink %w (to %s); copy the file, or give the path that it leads to", shown, ErrOutside, to)
}

func irregular(shown string, mode os.FileMode) error {
	kind := "special file"
	switch {
	case mode.IsDir():
		kind = "folder"
	case mode&os.ModeNamedPipe != 0:
		kind = "fifo; to read from a pipe give - as the path"
	case mode&os.ModeDevice != 0:
		kind = "device"
	case mode&os.ModeSocket != 0:
		kind = "socket"
	}
	return fmt.Errorf("read %s: %w but a %s", shown, ErrNotRegular, kind)
}

// check refuses what is no text, and takes a byte order mark away.
func check(shown string, data []byte) ([]byte, error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return nil, fmt.Errorf("read %s: %w: NUL byte at offset %d", shown, ErrNotText, i)
	}
	if i := invalid(data); i >= 0 {
		return nil, fmt.Errorf("read %s: %w: byte 0x%02x at offset %d is not UTF-8", shown, ErrNotText, data[i], i)
	}
	return bytes.TrimPrefix(data, []byte("\ufeff")), nil
}

// invalid is the offset of the first byte that is not UTF-8, or -1.
func invalid(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// StackName makes a valid name of a file or folder name: lower case letters,
// digits and inner hyphens, at most 63 bytes.
func StackName(base string) string {
	base = strings.TrimSuffix(strings.TrimSuffix(base, ".json"), ".hcl")
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, base)
	name = strings.Trim(name[:min(len(name), 63)], "-")
	if name == "" {
		return "stack"
	}
	return name
}
