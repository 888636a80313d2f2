package rootfs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrNoAccount: a user or group that the container does not have.
var ErrNoAccount = errors.New("not among the container's accounts")

// account is a line of /etc/passwd or /etc/group.
type account struct {
	name string
	id   int
	main int // a user's own group
}

// accounts are those of a container, by its own files, which it can fill with
// anything.
type accounts struct {
	users, groups []account
	base, size    int // its ids on the host; size 0: all of them
}

func (in *inside) accounts(size int) (accounts, error) {
	a := accounts{base: in.owner, size: size}
	passwd, err := in.read("/etc/passwd")
	group, err2 := in.read("/etc/group")
	a.users, a.groups = lines(passwd.text, 3), lines(group.text, 2)
	return a, errors.Join(err, err2)
}

// lines reads NAME:x:ID lines; own is the field of a user's own group.
func lines(text []byte, own int) []account {
	var list []account
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimRight(line, "\r\n"), ":")
		if len(f) <= own {
			continue
		}
		id, err := strconv.Atoi(f[2])
		main, err2 := strconv.Atoi(f[own])
		if err == nil && err2 == nil && id >= 0 && main >= 0 {
			list = append(list, account{f[0], id, main})
		}
	}
	return list
}

// find finds an account by name, or by number also one that is not listed.
func find(list []account, word string) (account, bool) {
	n, err := strconv.Atoi(word)
	for _, a := range list {
		if a.name == word || err == nil && a.id == n {
			return a, true
		}
	}
	if word == "root" {
		return account{name: word}, true
	}
	return account{word, n, n}, err == nil
}

// ids are those of "USER:GROUP", or "USER" with its own group, on the host.
func (a accounts) ids(owner string) (uid, gid int, err error) {
	user, group, both := strings.Cut(owner, ":")
	u, ok := find(a.users, user)
	if !ok {
		return 0, 0, fmt.Errorf("user %q: %w", user, ErrNoAccount)
	}
	gid = u.main
	if both {
		g, ok := find(a.groups, group)
		if !ok {
			return 0, 0, fmt.Errorf("group %q: %w", group, ErrNoAccount)
		}
		gid = g.id
	}
	if m := max(u.id, gid); a.size > 0 && m >= a.size {
		return 0, 0, fmt.Errorf("owner %q: id %d is not one of the container's %d", owner, m, a.size)
	}
	return u.id + a.base, gid + a.base, nil
}

// owner names ids of the host, in the words of said where those mean them.
func (a accounts) owner(uid, gid int, said []string) string {
	for _, s := range said {
		if u, g, err := a.ids(s); err == nil && u == uid && g == gid {
			return s
		}
	}
	return a.name(a.users, uid) + ":" + a.name(a.groups, gid)
}

func (a accounts) name(list []account, id int) string {
	id -= a.base
	if id < 0 || a.size > 0 && id >= a.size {
		return fmt.Sprintf("(host's %d)", id+a.base)
	}
	for _, x := range list {
		if x.id == id {
			return x.name
		}
	}
	return strconv.Itoa(id)
}
