package porter

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"strake/reconcile/host/egress"
	"strake/reconcile/resource"
)

type rawConn = syscall.RawConn

// What can be asked for.
const (
	look      = "look"      // one container
	list      = "list"      // all, a reply each, and an empty one
	openDoor  = "open"      // listeners follow
	closeDoor = "close"     //
	handOver  = "hand over" // all, a bequest each with listeners; the process ends when nobody uses it any more
)

// request is what the process is asked.
type request struct {
	Do        string            `json:"do"`
	Outlet    resource.Outlet   `json:"outlet,omitzero"`
	Passwords map[string]string `json:"passwords,omitempty"` // of proxies to go through, by name of the egress block
	Doors     int               `json:"doors,omitempty"`     // listeners that follow
}

// reply is what it says of one container.
type reply struct {
	Error  string          `json:"error,omitempty"`
	Outlet resource.Outlet `json:"outlet,omitzero"`
	Inner  uint64          `json:"inner,omitempty"`  // inode of the socket in the namespace
	Front  uint64          `json:"front,omitempty"`  // of the one on the bridge
	Index  int             `json:"index,omitempty"`  // of the bridge that it was opened on
	Sown   bool            `json:"sown,omitempty"`   // it can connect into the namespace
	Inlets map[int]uint64  `json:"inlets,omitempty"` // of those of published ports
}

// bequest is what a process leaves to its successor of one container; the
// first one has none, and what was used of the day. After the last one come more
// of those: what was used since, each answered by what it comes to.
type bequest struct {
	request
	Spent map[string]egress.Spent `json:"spent,omitempty"`
	End   bool                    `json:"end,omitempty"`
}

// A packet holds as much as the kernel takes without further ado; longer
// messages come in several. The first byte says whether another follows.
const (
	mostPacket  = 64 << 10
	mostMessage = 64 << 20
	more        = 'm'
	whole       = 'w'
)

func write(c *net.UnixConn, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	for {
		n := min(len(text), mostPacket)
		flag := byte(more)
		if n == len(text) {
			flag = whole
		}
		if _, err := c.Write(append([]byte{flag}, text[:n]...)); err != nil {
			return err
		}
		if text = text[n:]; flag == whole {
			return nil
		}
	}
}

var errMessage = errors.New("message is not whole")

func read(c *net.UnixConn, v any) error {
	var text []byte
	packet := make([]byte, mostPacket+1)
	for {
		n, err := c.Read(packet)
		if err != nil {
			return err
		}
		if n == 0 || len(text)+n > mostMessage {
			return errMessage
		}
		text = append(text, packet[1:n]...)
		if packet[0] == whole {
			return json.Unmarshal(text, v)
		}
	}
}

func ask(c *net.UnixConn, r request) (reply, error) {
	if err := write(c, r); err != nil {
		return reply{}, err
	}
	return answer(c)
}

func answer(c *net.UnixConn) (reply, error) {
	var r reply
	if err := read(c, &r); err != nil {
		return r, fmt.Errorf("the egress proxy does not answer: %w", err)
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

// fromRoot says whether the other side is root: the folder keeps others out,
// and this does where somebody opens that.
func fromRoot(c *net.UnixConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	root := false
	err = raw.Control(func(fd uintptr) {
		who, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		root = err == nil && who.Uid == 0
	})
	return err == nil && root
}
