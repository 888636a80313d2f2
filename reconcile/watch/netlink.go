package watch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

var native = binary.NativeEndian

// Multicast is what to hear of netlink.
type Multicast struct {
	Protocol   int             // unix.NETLINK_ROUTE, ...; required
	Groups     []int           // required
	Everywhere bool            // also of other network namespaces that this one has an id for
	Heard      func(m Message) // required
	Lost       func()          // required: the kernel had more to tell than it could keep
}

// Message is one that was heard.
type Message struct {
	Type uint16
	Data []byte // behind the header; valid until Heard returns
	NSID int    // id of the namespace that it is about; -1: the socket's own
}

// A burst is read in one go; then there is a breath. Whoever has a namespace can
// make as many messages as he likes, and that is all that they cost.
const (
	burst  = 64
	breath = 10 * time.Millisecond
)

// Hear opens a socket in the calling thread's network namespace and hears until
// ctx is done.
func (c Multicast) Hear(ctx context.Context) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, c.Protocol)
	if err != nil {
		return fmt.Errorf("hear netlink: %w", err)
	}
	f := os.NewFile(uintptr(fd), "netlink")
	if err := c.join(fd); err != nil {
		f.Close()
		return fmt.Errorf("hear netlink: %w", err)
	}
	conn, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return fmt.Errorf("hear netlink: %w", err)
	}
	context.AfterFunc(ctx, func() { f.Close() })
	r := receiver{c, make([]byte, 64<<10), make([]byte, 256)}
	go func() {
		for conn.Read(r.drain) == nil {
			time.Sleep(breath)
		}
	}()
	return nil
}

func (c Multicast) join(fd int) error {
	// Beyond net.core.rmem_max; without the right to that, what there is does.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1<<20)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	for _, g := range c.Groups {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, g); err != nil {
			return err
		}
	}
	if c.Everywhere {
		return unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1)
	}
	return nil
}

type receiver struct {
	c        Multicast
	buf, oob []byte
}

// drain reads a burst; false: there was nothing, wait.
func (r receiver) drain(fd uintptr) bool {
	for i := range burst {
		n, oobn, _, from, err := unix.Recvmsg(int(fd), r.buf, r.oob, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return i > 0
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOBUFS):
			r.c.Lost()
			continue
		case err != nil:
			return true // Read fails when the descriptor is closed
		}
		if k, ok := from.(*unix.SockaddrNetlink); ok && k.Pid == 0 { // else not from the kernel
			r.messages(r.buf[:n], namespace(r.oob[:oobn]))
		}
	}
	return true
}

// messages takes netlink(7)'s apart: length, type, flags, sequence, sender.
func (r receiver) messages(text []byte, nsid int) {
	for len(text) >= unix.SizeofNlMsghdr {
		length := int(native.Uint32(text))
		if length < unix.SizeofNlMsghdr || length > len(text) {
			return
		}
		r.c.Heard(Message{native.Uint16(text[4:]), text[unix.SizeofNlMsghdr:length], nsid})
		text = text[min(aligned(length), len(text)):]
	}
}

// namespace is what comes beside a message of another namespace.
func namespace(oob []byte) int {
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return -1
	}
	for _, m := range list {
		if m.Header.Level == unix.SOL_NETLINK && m.Header.Type == unix.NETLINK_LISTEN_ALL_NSID && len(m.Data) >= 4 {
			return int(int32(native.Uint32(m.Data)))
		}
	}
	return -1
}

// Attributes calls f with each attribute of a message, without its padding. Text
// that is cut short ends it.
func Attributes(text []byte, f func(kind uint16, value []byte)) {
	for len(text) >= unix.SizeofRtAttr {
		length := int(native.Uint16(text))
		if length < unix.SizeofRtAttr || length > len(text) {
			return
		}
		f(native.Uint16(text[2:])&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), text[unix.SizeofRtAttr:length])
		text = text[min(aligned(length), len(text)):]
	}
}

func aligned(n int) int { return (n + 3) &^ 3 }
