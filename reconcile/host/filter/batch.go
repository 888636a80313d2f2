package filter

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// batch is a transaction of changed elements in netlink's words. Rules come and
// go by nft, which knows how to compile them; of the time that it takes for the
// elements of a thousand interfaces, most goes into reading their text.
type batch struct {
	table string
	bytes []byte
	sets  []string // of each message, by its number
	last  int      // where the last one about a set begins
}

// An attribute's length has sixteen bits, so a long list is sent in pieces.
const longList = 32 << 10

// batchOf is the shortest way from one to the other; nil where they are the same.
// An element whose comment differs is deleted and added: the kernel changes none.
func (f *Filter) batchOf(have, want entries) (*batch, error) {
	b := &batch{table: f.table}
	b.message(unix.NFNL_MSG_BATCH_BEGIN, unix.NFPROTO_UNSPEC, "")
	for _, s := range sets() {
		if err := b.change(unix.NFT_MSG_DELSETELEM, s, have[s.name], want[s.name]); err != nil {
			return nil, err
		}
	}
	for _, s := range sets() {
		if err := b.change(unix.NFT_MSG_NEWSETELEM, s, want[s.name], have[s.name]); err != nil {
			return nil, err
		}
	}
	if len(b.sets) == 1 {
		return nil, nil
	}
	// Of the others only what fails is answered: an answer for each would be more
	// than a socket takes, with very many interfaces.
	flags := b.bytes[b.last+6:]
	binary.NativeEndian.PutUint16(flags, binary.NativeEndian.Uint16(flags)|unix.NLM_F_ACK)
	b.message(unix.NFNL_MSG_BATCH_END, unix.NFPROTO_UNSPEC, "")
	return b, nil
}

// change adds or deletes the elements that others has not, or has otherwise.
func (b *batch) change(kind uint16, s set, list, others map[string]element) error {
	begin, all := 0, 0
	for key, el := range list {
		if other, ok := others[key]; ok && other == el {
			continue
		}
		if all == 0 {
			begin = b.message(kind, protocols()[s.family], s.name)
			b.attribute(unix.NFTA_SET_ELEM_LIST_TABLE, append([]byte(b.table), 0))
			b.attribute(unix.NFTA_SET_ELEM_LIST_SET, append([]byte(s.name), 0))
			all = b.open(unix.NFTA_SET_ELEM_LIST_ELEMENTS)
		}
		if err := b.element(kind, s, key, el); err != nil {
			return err
		}
		b.close(all)
		b.sized(begin)
		if len(b.bytes)-all > longList {
			all = 0
		}
	}
	return nil
}

func (b *batch) element(kind uint16, s set, key string, el element) error {
	from, to, err := inBytes(s.name, key)
	if err != nil {
		return err
	}
	at := b.open(unix.NFTA_LIST_ELEM)
	b.value(unix.NFTA_SET_ELEM_KEY, from)
	if s.ranges() {
		b.value(keyEnd, to)
	}
	if kind == unix.NFT_MSG_NEWSETELEM {
		err = b.content(el)
	}
	b.close(at)
	return err
}

// content is what hangs on a key: a verdict or a value, and a comment
// in libnftnl's form (its kind, its length, a text that ends with zero).
func (b *batch) content(el element) error {
	if chain, ok := map[string]string{toSender: "sender", toUnheld: "unheld"}[el.Verdict]; ok {
		data := b.open(unix.NFTA_SET_ELEM_DATA)
		verdict := b.open(unix.NFTA_DATA_VERDICT)
		jump := int32(unix.NFT_GOTO)
		b.attribute(unix.NFTA_VERDICT_CODE, binary.BigEndian.AppendUint32(nil, uint32(jump)))
		b.attribute(unix.NFTA_VERDICT_CHAIN, append([]byte(chain), 0))
		b.close(verdict)
		b.close(data)
	} else if el.Verdict != "" {
		value, _, err := inBytes("", el.Verdict)
		if err != nil {
			return err
		}
		b.value(unix.NFTA_SET_ELEM_DATA, value)
	}
	if el.Comment != "" {
		text := append([]byte{0, byte(len(el.Comment) + 1)}, el.Comment...)
		b.attribute(unix.NFTA_SET_ELEM_USERDATA, append(text, 0))
	}
	return nil
}

// keyEnd is NFTA_SET_ELEM_KEY_END, which package unix has not.
const keyEnd = 10

func protocols() map[string]byte {
	return map[string]byte{"bridge": unix.NFPROTO_BRIDGE, "inet": unix.NFPROTO_INET, "arp": unix.NFPROTO_ARP}
}

// message begins one about a set, with its number, and says where. What has no
// set is the begin or the end, and complete.
func (b *batch) message(kind uint16, family byte, set string) int {
	begin := len(b.bytes)
	flags, resource := uint16(unix.NLM_F_REQUEST), uint16(0)
	switch kind {
	case unix.NFNL_MSG_BATCH_BEGIN, unix.NFNL_MSG_BATCH_END:
		resource = unix.NFNL_SUBSYS_NFTABLES
	default:
		kind |= unix.NFNL_SUBSYS_NFTABLES << 8
		flags |= unix.NLM_F_CREATE
		b.last = begin
	}
	b.bytes = binary.NativeEndian.AppendUint32(b.bytes, headers)
	b.bytes = binary.NativeEndian.AppendUint16(b.bytes, kind)
	b.bytes = binary.NativeEndian.AppendUint16(b.bytes, flags)
	b.bytes = binary.NativeEndian.AppendUint32(b.bytes, uint32(len(b.sets)))
	b.bytes = append(b.bytes, 0, 0, 0, 0, family, 0)
	b.bytes = binary.BigEndian.AppendUint16(b.bytes, resource)
	b.sets = append(b.sets, set)
	return begin
}

func (b *batch) sized(begin int) {
	binary.NativeEndian.PutUint32(b.bytes[begin:], uint32(len(b.bytes)-begin))
}

// open begins an attribute that has others within.
func (b *batch) open(kind uint16) int {
	at := len(b.bytes)
	b.bytes = append(b.bytes, 0, 0, 0, 0)
	binary.NativeEndian.PutUint16(b.bytes[at+2:], kind|unix.NLA_F_NESTED)
	return at
}

func (b *batch) close(at int) {
	binary.NativeEndian.PutUint16(b.bytes[at:], uint16(len(b.bytes)-at))
}

// value is an attribute with a value within.
func (b *batch) value(kind uint16, data []byte) {
	at := b.open(kind)
	b.attribute(unix.NFTA_DATA_VALUE, data)
	b.close(at)
}

func (b *batch) attribute(kind uint16, data []byte) {
	b.bytes = binary.NativeEndian.AppendUint16(b.bytes, uint16(attributes+len(data)))
	b.bytes = binary.NativeEndian.AppendUint16(b.bytes, kind)
	b.bytes = filled(append(b.bytes, data...))
}

// filled is b with zeros up to a whole word: attributes are padded so, and so
// are the parts of a key.
func filled(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// send has the kernel do all of it or nothing.
func (b *batch) send() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Errorf("open netfilter socket: %w", err)
	}
	defer unix.Close(fd)
	// Who may change the firewall may have a large buffer, but not within a user
	// namespace: a short batch fits without.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 2*len(b.bytes)+4096)
	// An error repeats the whole message else.
	if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1); err != nil {
		return fmt.Errorf("set up netfilter socket: %w", err)
	}
	if err := unix.Sendto(fd, b.bytes, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("send %d bytes: %w", len(b.bytes), err)
	}
	return b.answers(fd)
}

// answers reads until something failed or the last message is answered. All are
// there before the kernel takes the batch for sent (nfnetlink_rcv_batch).
func (b *batch) answers(fd int) error {
	answer := make([]byte, 4096)
	for {
		n, _, err := unix.Recvfrom(fd, answer, unix.MSG_DONTWAIT)
		if err != nil {
			return fmt.Errorf("read the kernel's answer: %w", err)
		}
		if done, err := b.answer(answer[:n]); done || err != nil {
			return err
		}
	}
}

// errNoAnswer: the kernel answered something else than was asked.
var errNoAnswer = errors.New("no result in the kernel's answer")

// answer is what became of a message: an error's number, 0 for none, and the
// head of what it is about. done says that there is no other.
func (b *batch) answer(a []byte) (done bool, err error) {
	const head = unix.NLMSG_HDRLEN
	if len(a) < head+4+head || binary.NativeEndian.Uint16(a[4:]) != unix.NLMSG_ERROR {
		return false, errNoAnswer
	}
	i := int(binary.NativeEndian.Uint32(a[head+4+8:]))
	number := int32(binary.NativeEndian.Uint32(a[head:]))
	switch {
	case number == 0:
		return i == len(b.sets)-2, nil
	case i < len(b.sets) && b.sets[i] != "":
		return false, fmt.Errorf("set %s: %w", b.sets[i], unix.Errno(-number))
	}
	return false, unix.Errno(-number)
}
