// Package wire is what tests send and hear on a container's interface: raw
// frames, honest and forged, and the sockets for them. It says of each frame
// which filter has to stop it, and asks nobody whether that happens.
package wire

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Wire is a raw socket on one interface of a network namespace.
type Wire struct{ fd int }

// Inside runs f in the network namespace of a process. Sockets that f opens
// stay there.
func Inside(pid int, f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	there, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return os.NewSyscallError("setns", err)
	}
	err = f()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		return os.NewSyscallError("setns", back) // the thread stays locked, and ends with its goroutine
	}
	runtime.UnlockOSThread()
	return err
}

// Open opens a socket on an interface where the process pid is.
func Open(pid int, device string) (Wire, error) {
	w := Wire{-1}
	err := Inside(pid, func() (err error) {
		const all = 0x0300 // ETH_P_ALL in network order
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all); err != nil {
			return os.NewSyscallError("socket", err)
		}
		link, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		return unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link.Index})
	})
	if err != nil {
		return w, fmt.Errorf("open %s: %w", device, err)
	}
	return w, nil
}

// Close closes the socket.
func (w Wire) Close() { _ = unix.Close(w.fd) }

// Send sends a frame as it is.
func (w Wire) Send(frame []byte) error {
	_, err := unix.Write(w.fd, frame)
	return err
}

// Receives says whether a frame like that arrives in time.
func (w Wire) Receives(most time.Duration, like func([]byte) bool) bool {
	buf := make([]byte, 4096)
	tv := unix.Timeval{Usec: 50_000}
	if err := unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return false
	}
	for deadline := time.Now().Add(most); time.Now().Before(deadline); {
		n, from, err := unix.Recvfrom(w.fd, buf, 0)
		if err != nil {
			continue
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		if sent := ok && ll.Pkttype == unix.PACKET_OUTGOING; !sent && like(buf[:n]) {
			return true
		}
	}
	return false
}

// marker is at the end of every marked frame.
const marker = "strake-test-frame-"

// Marked is a frame that Hears knows again.
func Marked(frame []byte, mark string) []byte { return cat(frame, []byte(marker+mark)) }

// Hears says whether a frame that was marked so arrives before another one,
// which was sent after it by the same way and is always let through. An error
// says that not even that one arrived.
func (w Wire) Hears(mark, last string) (bool, error) {
	seen := false
	end := w.Receives(3*time.Second, func(b []byte) bool {
		seen = seen || bytes.HasSuffix(b, []byte(marker+mark))
		return bytes.HasSuffix(b, []byte(marker+last))
	})
	if !end {
		return seen, fmt.Errorf("the frame that may pass did not arrive after %q", mark)
	}
	return seen, nil
}
