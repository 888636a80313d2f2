package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Spy counts what of a device the IP and the ARP of a host take, behind the
// tables that are to be tried: at an interface that is no bridge's port nobody
// else hears it.
type Spy struct {
	fd    int
	ended uint64
	taken uint64
}

// spied are its rules. What a test ends with is counted by itself.
const spied = `
table inet spy {
	counter frames { }
	counter last { }
	chain c {
		type filter hook prerouting priority -250;
		iifname "DEVICE" udp dport 4242 counter name last return
		iifname "DEVICE" counter name frames
	}
}
table arp spy {
	counter frames { }
	chain c {
		type filter hook input priority -250;
		iifname "DEVICE" counter name frames
	}
}
`

// NewSpy loads the rules in the network namespace of a process.
func NewSpy(pid int, device string) (*Spy, error) {
	s := &Spy{}
	return s, Inside(pid, func() (err error) {
		nft := exec.Command("nft", "-f", "-")
		nft.Stdin = strings.NewReader(strings.ReplaceAll(spied, "DEVICE", device))
		if out, err := nft.CombinedOutput(); err != nil {
			return fmt.Errorf("nft: %w: %s", err, out)
		}
		s.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		return err
	})
}

// End takes the rules away.
func (s *Spy) End(pid int) error {
	_ = unix.Close(s.fd)
	return Inside(pid, func() error {
		return exec.Command("nft", "delete table inet spy; delete table arp spy").Run()
	})
}

// Last is a frame that may pass, from an interface with these addresses.
func (s *Spy) Last(scene Scene, four bool) []byte {
	if four {
		return scene.four(scene.Sender.IPv4, scene.Target.IPv4, 17, UDP(1, 4242, nil))
	}
	return scene.six(scene.Sender.IPv6, scene.Target.IPv6, 17, UDP(1, 4242, nil))
}

// Takes says whether the host takes a frame. The last one is sent after it.
func (s *Spy) Takes(w Wire, frame, last []byte) (bool, error) {
	if err := errors.Join(w.Send(frame), w.Send(last)); err != nil {
		return false, err
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		ended, err := s.count(unix.NFPROTO_INET, "last")
		if err != nil {
			return false, err
		}
		if ended == s.ended {
			continue
		}
		packets, err := s.count(unix.NFPROTO_INET, "frames")
		asked, err2 := s.count(unix.NFPROTO_ARP, "frames")
		took := packets+asked > s.taken
		s.ended, s.taken = ended, packets+asked
		return took, errors.Join(err, err2)
	}
	return false, errors.New("what may pass does not arrive")
}

// The parts of linux/netfilter/nf_tables.h that a counter is asked for with.
const (
	getObject    = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETOBJ
	objectTable  = 1 // NFTA_OBJ_TABLE
	objectName   = 2 // NFTA_OBJ_NAME
	objectType   = 3 // NFTA_OBJ_TYPE
	objectData   = 4 // NFTA_OBJ_DATA
	counter      = 1 // NFT_OBJECT_COUNTER
	countPackets = 2 // NFTA_COUNTER_PACKETS
)

// count asks the kernel: the program nft would take a hundred times as long as
// the frame.
func (s *Spy) count(family byte, name string) (uint64, error) {
	body := cat([]byte{family, 0, 0, 0}, attribute(objectTable, []byte("spy\x00")), attribute(objectName, []byte(name+"\x00")),
		attribute(objectType, binary.BigEndian.AppendUint32(nil, counter)))
	head := make([]byte, unix.NLMSG_HDRLEN)
	binary.NativeEndian.PutUint32(head, uint32(len(head)+len(body)))
	binary.NativeEndian.PutUint16(head[4:], getObject)
	binary.NativeEndian.PutUint16(head[6:], unix.NLM_F_REQUEST)
	if err := unix.Sendto(s.fd, cat(head, body), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	buf := make([]byte, 4096)
	n, _, err := unix.Recvfrom(s.fd, buf, 0)
	if err != nil {
		return 0, err
	}
	if n < 20 || binary.NativeEndian.Uint16(buf[4:]) == unix.NLMSG_ERROR {
		return 0, fmt.Errorf("ask for counter %s: %w", name, syscall.Errno(-int32(binary.NativeEndian.Uint32(buf[16:]))))
	}
	packets := within(within(buf[20:n], objectData), countPackets)
	if len(packets) != 8 {
		return 0, fmt.Errorf("ask for counter %s: no answer", name)
	}
	return binary.BigEndian.Uint64(packets), nil
}

func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	return append(b, make([]byte, -len(b)&3)...)
}

// within is the value of one attribute of several; nil where there is none.
func within(b []byte, kind uint16) []byte {
	for len(b) >= 4 {
		size := int(binary.NativeEndian.Uint16(b))
		if size < 4 || size > len(b) {
			return nil
		}
		if binary.NativeEndian.Uint16(b[2:])&0x3fff == kind {
			return b[4:size]
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return nil
}
