package image

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"strake/reconcile/host/image/oci"
	"strake/reconcile/resource"
)

// defaultPath is what programs are looked for in where an image says nothing.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// entry is what an image without an init runs, and the signal that asks it to
// end. The folder that it begins in is made where the image has none.
func (t *tree) entry(c oci.Config) (*resource.Init, string, error) {
	if len(c.Command) == 0 {
		return nil, "", errors.New("it has neither an init nor a command of its own, and could not start")
	}
	init := &resource.Init{Command: c.Command, Env: c.Env, Dir: c.Dir}
	if !hasPath(c.Env) {
		init.Env = append([]string{defaultPath}, c.Env...)
	}
	if c.Dir != "" {
		dir := path.Clean("/" + c.Dir)
		if _, err := t.folder(path.Join(".", dir)); err != nil {
			return nil, "", fmt.Errorf("its folder %s: %w", c.Dir, err)
		}
		init.Dir = dir
	}
	var err error
	if init.UID, init.GID, err = t.user(c.User); err != nil {
		return nil, "", fmt.Errorf("its user %q: %w", c.User, err)
	}
	return init, signal(c.Stop), nil
}

func hasPath(env []string) bool {
	for _, v := range env {
		if strings.HasPrefix(v, "PATH=") {
			return true
		}
	}
	return false
}

// signal is the name of one as liblxc takes it.
func signal(name string) string {
	if name == "" {
		return "SIGTERM"
	}
	if _, err := strconv.Atoi(name); err == nil || strings.HasPrefix(name, "SIG") {
		return name
	}
	return "SIG" + strings.ToUpper(name)
}

// user looks up "name", "uid", "name:group" or "uid:gid" in the tree's own
// account files.
func (t *tree) user(word string) (uid, gid uint32, err error) {
	name, group, named := strings.Cut(word, ":")
	if name == "" {
		name = "0"
	}
	uid, primary, err := t.account("etc/passwd", name, 3)
	if err == nil && !named {
		return uid, primary, nil
	}
	if err == nil {
		gid, _, err = t.account("etc/group", group, 2)
	}
	return uid, gid, err
}

// account finds the line of a name or number: its number, and the one in
// field. A number needs no line.
func (t *tree) account(file, name string, field int) (id, other uint32, err error) {
	number, err := strconv.ParseUint(name, 10, 31)
	isNumber := err == nil
	fd, err := t.at(file, unix.O_RDONLY|unix.O_NONBLOCK)
	if err == nil {
		f := os.NewFile(uintptr(fd), file)
		defer f.Close()
		lines := bufio.NewScanner(io.LimitReader(f, 1<<20))
		for lines.Scan() {
			words := strings.Split(lines.Text(), ":")
			if len(words) <= field || words[0] != name && !(isNumber && words[2] == name) {
				continue
			}
			own, err1 := strconv.ParseUint(words[2], 10, 31)
			its, err2 := strconv.ParseUint(words[field], 10, 31)
			return uint32(own), uint32(its), errors.Join(err1, err2)
		}
	}
	if !isNumber {
		return 0, 0, fmt.Errorf("/%s does not have it", file)
	}
	return uint32(number), 0, nil
}
