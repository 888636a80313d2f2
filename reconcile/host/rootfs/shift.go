package rootfs

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// translation makes ids of one form of those of others. The zero one leaves
// them as they are.
type translation struct {
	from []form
	to   form
	mask bool // what is of none becomes nobody's, as an id-mapped mount shows it
}

// id leaves alone what is of none of the forms, and what would be out of range.
func (t translation) id(id uint32) uint32 {
	for _, f := range t.from {
		if f.has(id) && id-f.base < t.to.size {
			return t.to.base + (id - f.base)
		}
	}
	if t.mask && t.to.size > overflow {
		return t.to.base + overflow
	}
	return id
}

// The kernel's own names, see xattr(7), acl(5) and capabilities(7).
const (
	accessList  = "system.posix_acl_access"
	defaultList = "system.posix_acl_default"
	caps        = "security.capability"
)

// xattr is the value with ids translated.
func (t translation) xattr(name string, value []byte) []byte {
	switch name {
	case accessList, defaultList:
		return t.list(value)
	case caps:
		return t.capability(value)
	}
	return value
}

// list translates an access control list as Linux has it in attributes: a word
// of version, then entries of tag, rights and id (linux/posix_acl_xattr.h).
func (t translation) list(value []byte) []byte {
	const user, group = 2, 8
	list := append([]byte(nil), value...)
	for at := 4; at+8 <= len(list); at += 8 {
		if tag := binary.LittleEndian.Uint16(list[at:]); tag == user || tag == group {
			id := list[at+4 : at+8]
			binary.LittleEndian.PutUint32(id, t.id(binary.LittleEndian.Uint32(id)))
		}
	}
	return list
}

// capability translates whose root a file's capabilities are for. Only the third
// revision tells (linux/capability.h); those of the second are for the root of
// the ids that the layer has.
func (t translation) capability(value []byte) []byte {
	const revision2, size2, revision3, size3 = 2, 20, 3, 24
	out := append([]byte(nil), value...)
	if len(out) == size2 && out[3] == revision2 && t.to.base != 0 {
		out[3], out = revision3, append(out, 0, 0, 0, 0)
	}
	if len(out) != size3 || out[3] != revision3 {
		return value
	}
	binary.LittleEndian.PutUint32(out[20:], t.id(binary.LittleEndian.Uint32(out[20:])))
	return out
}

// shifter gives files other owners, where they are. Nobody else writes to them.
// It can be killed at any instant and begin anew.
type shifter struct{ translation }

func (s shifter) tree(path string) error {
	dir, err := openFolder(unix.AT_FDCWD, path)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer dir.Close()
	return s.folder(dir)
}

func (s shifter) folder(dir *os.File) error {
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.name(dir, name); err != nil {
			return err
		}
	}
	return s.node(dir)
}

func (s shifter) name(dir *os.File, name string) error {
	inner, err := openFolder(int(dir.Fd()), name)
	if err == nil {
		defer inner.Close()
		return s.folder(inner)
	}
	if !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP) {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	f, err := openNode(dir, name)
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer f.Close()
	if err := s.node(f); err != nil {
		return &os.PathError{Op: "chown", Path: name, Err: err}
	}
	return nil
}

// fragile is what chown(2) takes from a file: set-id bits and capabilities, also
// when root calls it.
type fragile struct {
	Mode uint32 `json:"mode"`
	Caps []byte `json:"caps,omitempty"`
}

// fragileMark keeps that on the file until it has it again.
const fragileMark = "trusted.strake.fragile"

func (s shifter) node(f *os.File) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if kind := st.Mode & unix.S_IFMT; kind == unix.S_IFDIR || kind == unix.S_IFLNK {
		return errors.Join(s.own(f, st), s.lists(f, st))
	}
	at := procPath(f)
	kept, err := s.keep(at, st)
	if err == nil {
		err = s.own(f, st)
	}
	if err == nil && kept != nil {
		err = s.giveBack(at, *kept)
	}
	if err != nil {
		return err
	}
	return s.lists(f, st)
}

func (s shifter) own(f *os.File, st unix.Stat_t) error {
	uid, gid := s.id(st.Uid), s.id(st.Gid)
	if uid == st.Uid && gid == st.Gid {
		return nil
	}
	return unix.Fchownat(int(f.Fd()), "", int(uid), int(gid), unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW)
}

// keep writes down what a change of owner would take; nil where there is nothing.
func (s shifter) keep(at string, st unix.Stat_t) (*fragile, error) {
	if text, err := getXattr(at, fragileMark); err == nil {
		var was fragile
		return &was, json.Unmarshal(text, &was)
	}
	value, err := getXattr(at, caps)
	if err != nil {
		value = nil
	}
	if st.Mode&(unix.S_ISUID|unix.S_ISGID) == 0 && value == nil {
		return nil, nil
	}
	was := fragile{st.Mode & 0o7777, value}
	text, err := json.Marshal(was)
	if err != nil {
		return nil, err
	}
	return &was, unix.Setxattr(at, fragileMark, text, 0)
}

func (s shifter) giveBack(at string, was fragile) error {
	err := unix.Chmod(at, was.Mode)
	if err == nil && was.Caps != nil {
		err = unix.Setxattr(at, caps, s.capability(was.Caps), 0)
	}
	if err != nil {
		return err
	}
	return unix.Removexattr(at, fragileMark)
}

func (s shifter) lists(f *os.File, st unix.Stat_t) error {
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil
	}
	for _, name := range []string{accessList, defaultList} {
		value, err := getXattr(procPath(f), name)
		if err != nil || len(value) == 0 {
			continue // none, or a file system without
		}
		if err := unix.Setxattr(procPath(f), name, s.list(value), 0); err != nil {
			return err
		}
	}
	return nil
}
