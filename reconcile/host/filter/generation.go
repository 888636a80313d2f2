package filter

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// errNoGeneration: the kernel answered something else than was asked.
var errNoGeneration = errors.New("no generation in the kernel's answer")

// The parts of linux/netfilter/nfnetlink.h and nf_tables.h that are needed.
const (
	subsystem  = 10 // NFNL_SUBSYS_NFTABLES
	newGen     = 15 // NFT_MSG_NEWGEN
	getGen     = 16 // NFT_MSG_GETGEN
	headers    = unix.NLMSG_HDRLEN + 4
	genID      = 1 // NFTA_GEN_ID
	attributes = 4 // bytes of an attribute's own header
)

// generation is the number of the network namespace's rule sets: the kernel
// counts every transaction of anybody. Same number, same rules.
func generation() (uint32, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return 0, fmt.Errorf("open netfilter socket: %w", err)
	}
	defer unix.Close(fd)
	ask := make([]byte, headers)
	binary.NativeEndian.PutUint32(ask, headers)
	binary.NativeEndian.PutUint16(ask[4:], subsystem<<8|getGen)
	binary.NativeEndian.PutUint16(ask[6:], unix.NLM_F_REQUEST)
	if err := unix.Sendto(fd, ask, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, fmt.Errorf("ask for the rules' generation: %w", err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return 0, fmt.Errorf("ask for the rules' generation: %w", err)
	}
	return parseGeneration(answer[:n])
}

// parseGeneration finds the attribute in the first message. Attributes are
// padded to four bytes; numbers in them are in network order.
func parseGeneration(b []byte) (uint32, error) {
	if len(b) < headers || binary.NativeEndian.Uint16(b[4:]) != subsystem<<8|newGen {
		return 0, errNoGeneration
	}
	for b = b[headers:]; len(b) >= attributes; {
		size, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if size < attributes || size > len(b) {
			break
		}
		if kind == genID && size == attributes+4 {
			return binary.BigEndian.Uint32(b[attributes:]), nil
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return 0, errNoGeneration
}
