package egress

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Handed is a listener on its way to the process that serves it: from a hook
// that opened it, or from a proxy to its successor. Or it is what connections
// into the container's namespace are made with.
type Handed struct {
	Container string // served for this container, or
	Network   string // for whoever asks on this network
	Port      int    // beside Container: of the host; what comes there goes to the container
	Listener  *Listener
	Sockets   []int // beside Container, in place of a listener
}

// mostSockets of one message.
const mostSockets = 8

// label goes with the descriptors.
type label struct {
	Container string `json:"container,omitempty"`
	Network   string `json:"network,omitempty"`
	Port      int    `json:"port,omitempty"`
	Sockets   int    `json:"sockets,omitempty"` // so many, and no listener
	Init      bool   `json:"init,omitempty"`    // a pidfd comes along
	End       bool   `json:"end,omitempty"`
}

// Send hands a listener over a "unixpacket" connection, and waits until the
// other side has it. The sender's own stays open until it closes it: there is
// no moment without one.
func Send(c *net.UnixConn, h Handed) error {
	if len(h.Sockets) > 0 {
		return send(c, label{Container: h.Container, Sockets: len(h.Sockets)}, h.Sockets...)
	}
	f, err := h.Listener.File()
	if err != nil {
		return fmt.Errorf("hand over listener: %w", err)
	}
	defer f.Close()
	fds := []int{int(f.Fd())}
	if h.Listener.init != nil {
		fds = append(fds, int(h.Listener.init.Fd()))
	}
	return send(c, label{Container: h.Container, Network: h.Network, Port: h.Port, Init: len(fds) > 1}, fds...)
}

// SendEnd says that no further listener comes.
func SendEnd(c *net.UnixConn) error { return send(c, label{End: true}) }

func send(c *net.UnixConn, l label, fds ...int) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	if _, _, err := c.WriteMsgUnix(text, rights, nil); err != nil {
		return fmt.Errorf("hand over listener: %w", err)
	}
	answer := make([]byte, 256)
	n, err := c.Read(answer)
	switch {
	case err != nil:
		return fmt.Errorf("hand over listener: %w", err)
	case string(answer[:n]) != "ok":
		return fmt.Errorf("hand over listener: %s", answer[:n])
	}
	return nil
}

// Receive takes one listener; io.EOF after the last.
func Receive(c *net.UnixConn) (Handed, error) {
	h, err := receive(c)
	answer := "ok"
	switch {
	case err == io.EOF:
	case err != nil:
		answer = err.Error()
	}
	if _, wrong := c.Write([]byte(answer)); wrong != nil && err == nil {
		h.Close()
		return Handed{}, fmt.Errorf("receive listener: %w", wrong)
	}
	return h, err
}

// Close lets go of it.
func (h Handed) Close() {
	if h.Listener != nil {
		h.Listener.Close()
	}
	for _, fd := range h.Sockets {
		_ = unix.Close(fd)
	}
}

func receive(c *net.UnixConn) (Handed, error) {
	text, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(mostSockets*4))
	n, m, flags, _, err := c.ReadMsgUnix(text, rights)
	if err != nil {
		return Handed{}, err
	}
	if n == 0 {
		return Handed{}, io.EOF
	}
	files := received(rights[:m])
	wrong := func(err error) (Handed, error) {
		for _, f := range files {
			f.Close()
		}
		return Handed{}, fmt.Errorf("receive listener: %w", err)
	}
	var l label
	if err := json.Unmarshal(text[:n], &l); err != nil {
		return wrong(err)
	}
	want := 1
	if l.Init {
		want = 2
	}
	if l.Sockets > 0 {
		want = l.Sockets
	}
	switch {
	case l.End && len(files) == 0:
		return Handed{}, io.EOF
	case flags&(unix.MSG_CTRUNC|unix.MSG_TRUNC) != 0, len(files) != want, (l.Container == "") == (l.Network == ""):
		return wrong(errors.New("message is not whole"))
	}
	if l.Sockets > 0 {
		h := Handed{Container: l.Container}
		for _, f := range files {
			fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil { // they come in pairs: none is better than one less
				h.Close()
				return wrong(err)
			}
			h.Sockets = append(h.Sockets, fd)
		}
		for _, f := range files {
			f.Close()
		}
		return h, nil
	}
	g, err := net.FileListener(files[0])
	if err != nil {
		return wrong(err)
	}
	tcp, ok := g.(*net.TCPListener)
	if !ok {
		g.Close()
		return wrong(errors.New("socket is not one of TCP"))
	}
	files[0].Close() // FileListener has its own copy
	h := Handed{Container: l.Container, Network: l.Network, Port: l.Port, Listener: &Listener{TCPListener: tcp}}
	if l.Init {
		h.Listener.init = files[1]
	}
	return h, nil
}

// received are the files that came with a message.
func received(rights []byte) []*os.File {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	var files []*os.File
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			_ = unix.SetNonblock(fd, true)
			files = append(files, os.NewFile(uintptr(fd), "handed"))
		}
	}
	return files
}
