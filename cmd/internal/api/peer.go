package api

import (
	"context"
	"net"
	"os/user"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Peer is who is at the other end, as the kernel says (unix(7), SO_PEERCRED).
type Peer struct {
	Known    bool
	UID, GID uint32
	groups   []string // names and numbers
}

// Name is what histories call it.
func (p Peer) Name() string {
	if u, err := user.LookupId(strconv.FormatUint(uint64(p.UID), 10)); err == nil {
		return u.Username
	}
	return strconv.FormatUint(uint64(p.UID), 10)
}

// Rights say which groups may do what, by name or number; "": none.
type Rights struct{ Read, Admin string }

type right int

const (
	nothing right = iota
	reading
	administering
)

func (r right) refusal() string {
	if r == administering {
		return "only root and the group of administrators may have things done"
	}
	return "only root, readers and administrators may look"
}

func (r Rights) of(p Peer) right {
	switch {
	case !p.Known:
		return nothing
	case p.UID == 0, r.Admin != "" && slices.Contains(p.groups, r.Admin):
		return administering
	case r.Read != "" && slices.Contains(p.groups, r.Read):
		return reading
	}
	return nothing
}

type peerKey struct{}

func peerOf(ctx context.Context) Peer {
	p, _ := ctx.Value(peerKey{}).(Peer)
	return p
}

// withPeer asks the kernel once for each connection.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, ask(c))
}

func ask(c net.Conn) Peer {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return Peer{}
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return Peer{}
	}
	var cred *unix.Ucred
	if said := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); said != nil || err != nil {
		return Peer{}
	}
	p := Peer{Known: true, UID: cred.Uid, GID: cred.Gid}
	if p.UID != 0 {
		p.groups = groupsOf(p)
	}
	return p
}

// groupsOf are the peer's own group and those that the account files give the user.
func groupsOf(p Peer) (list []string) {
	ids := []string{strconv.FormatUint(uint64(p.GID), 10)}
	if u, err := user.LookupId(strconv.FormatUint(uint64(p.UID), 10)); err == nil {
		more, _ := u.GroupIds()
		ids = append(ids, more...)
	}
	for _, id := range ids {
		list = append(list, id)
		if g, err := user.LookupGroupId(id); err == nil {
			list = append(list, g.Name)
		}
	}
	return list
}
