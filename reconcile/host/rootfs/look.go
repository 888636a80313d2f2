package rootfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// mostKept is how large a file may be that strake puts aside, or back.
const mostKept = 64 << 20

// look says what lies at name itself, following no link there, and reads it
// where it is a file of at most limit bytes.
func (in *inside) look(name string, limit int64) (content, error) {
	dir, err := resolve(in.fd, path.Dir(name), unix.O_PATH|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return content{}, nil
	}
	if err != nil {
		return content{}, err
	}
	defer unix.Close(dir)
	fd, err := unix.Openat(dir, path.Base(name), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		return content{}, nil
	}
	if err != nil {
		return content{}, &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(fd)
	return in.lookAt(fd, limit)
}

func (in *inside) lookAt(fd int, limit int64) (content, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return content{}, err
	}
	if isHollow(&st) {
		return content{}, nil
	}
	c := content{there: true, mode: st.Mode & 0o7777, owner: int(st.Uid), group: int(st.Gid)}
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if st.Size > limit {
			c.odd, c.large = "a file of "+resource.Bytes(st.Size), true
			return c, nil
		}
		c.text, err = in.readAll(fd, limit)
	case unix.S_IFLNK:
		c.link, err = linkAt(fd)
	case unix.S_IFDIR:
		c.odd = "a folder"
	case unix.S_IFIFO:
		c.odd = "a pipe"
	default:
		c.odd = "a device or socket"
	}
	return c, err
}

func (in *inside) readAll(fd int, limit int64) ([]byte, error) {
	file, err := in.reopen(fd)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, limit))
	if text == nil {
		text = []byte{}
	}
	return text, err
}

func linkAt(fd int) (string, error) {
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(fd, "", buf[:])
	return string(buf[:max(n, 0)]), err
}

// same says whether there is nothing to do. What is odd is never as wanted.
func (c content) same(want content) bool {
	if c.there != want.there || c.odd != "" || want.odd != "" {
		return false
	}
	if !c.there {
		return true
	}
	owned := c.owner == want.owner && c.group == want.group && c.link == want.link
	return owned && (c.link != "" || c.mode == want.mode && bytes.Equal(c.text, want.text))
}

// settle has want lie at name, and says whether it did not before.
func (in *inside) settle(name string, want content) (changed bool, err error) {
	have, err := in.look(name, max(most, int64(len(want.text))))
	switch {
	case err != nil:
		return false, err
	case have.same(want):
		return false, nil
	case have.odd == "a folder":
		return false, fmt.Errorf("%s: %w", name, ErrFolder)
	case !want.there:
		return true, in.remove(name)
	}
	return true, in.put(name, want)
}

// ErrFolder: a folder is where a file belongs. Nobody knows what for.
var ErrFolder = errors.New("a folder is there; move it away")

// cover is the mount of the container's own that hides what lies at name in
// its root filesystem; "" when there is none.
func (in *inside) cover(name string, list []mountpoint) string {
	dir, err := resolve(in.fd, path.Dir(name), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return ""
	}
	defer unix.Close(dir)
	real, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", dir))
	top, err2 := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", in.fd))
	if err != nil || err2 != nil {
		return ""
	}
	real = path.Join("/", strings.TrimPrefix(real, top), path.Base(name))
	for _, m := range list {
		if m.at != "/" && (real == m.at || strings.HasPrefix(real, m.at+"/")) {
			return m.at
		}
	}
	return ""
}
