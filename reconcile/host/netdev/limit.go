package netdev

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// The kernel delays only what an interface sends. What comes to a container
// is sent by the host's end of the pair. What the container sends is turned
// aside, as it arrives there, to an interface that exists for that alone
// (ifb(4)), and sent on from it: a bound on the container's own end would be
// the container's to take off. Filters see a frame after it.

// limit bounds what goes through a pair, and takes off what was bounded before.
func (d *Devices) limit(peer netlink.Link, was, n resource.NIC) error {
	if err := d.bound(peer, was.Limits.Ingress, n.Limits.Ingress, n.MTU); err != nil {
		return fmt.Errorf("limit what comes in: %w", err)
	}
	if n.Limits.Egress == 0 {
		return d.unturn(peer)
	}
	if err := d.turn(peer, n); err != nil {
		return fmt.Errorf("limit what goes out: %w", err)
	}
	return nil
}

// bound has the interface send at most that many bits a second. A bucket that
// is there already is changed and loses nothing.
func (d *Devices) bound(l netlink.Link, was, bits int64, size int) error {
	attrs := netlink.QdiscAttrs{LinkIndex: l.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT}
	if bits == 0 && was == 0 {
		return nil
	}
	if bits == 0 {
		return unlessNone(d.host.QdiscDel(&netlink.Tbf{QdiscAttrs: attrs}))
	}
	rate := bytesOf(bits)
	burst := max(2*uint64(mtu(size)+frame), rate/100)
	return d.host.QdiscReplace(&netlink.Tbf{
		QdiscAttrs: attrs, Rate: rate,
		Buffer: netlink.Xmittime(rate, uint32(min(burst, 1<<31))),
		Limit:  uint32(min(max(rate/10, 16*uint64(mtu(size)))+burst, 1<<31)), // a tenth of a second
	})
}

// frame is what an Ethernet frame has beside a packet, a VLAN tag included.
const frame = 18

// bytesOf is a rate as the kernel counts it. A rest of less than a byte is lost.
func bytesOf(bits int64) uint64 { return uint64(bits / 8) }

// turn sends what arrives at the host's end by way of another interface.
func (d *Devices) turn(peer netlink.Link, n resource.NIC) error {
	aside, err := d.aside(peer.Attrs().Name)
	if err != nil {
		return err
	}
	if err := d.bound(aside, 0, n.Limits.Egress, n.MTU); err != nil {
		return err
	}
	if aside.Attrs().Flags&net.FlagUp == 0 {
		if err := d.host.LinkSetUp(aside); err != nil {
			return fmt.Errorf("set up %s: %w", aside.Attrs().Name, err)
		}
	}
	if d.turns(peer, aside) {
		return nil
	}
	if err := d.straighten(peer); err != nil {
		return err
	}
	q := &netlink.Ingress{QdiscAttrs: netlink.QdiscAttrs{LinkIndex: peer.Attrs().Index, Handle: entrance, Parent: netlink.HANDLE_INGRESS}}
	if err := d.host.QdiscAdd(q); err != nil {
		return err
	}
	return d.host.FilterAdd(&netlink.U32{ // without a selector it takes every frame
		FilterAttrs: netlink.FilterAttrs{LinkIndex: peer.Attrs().Index, Parent: entrance, Priority: 1, Protocol: unix.ETH_P_ALL},
		Actions:     []netlink.Action{netlink.NewMirredAction(aside.Attrs().Index)},
	})
}

// entrance is the handle that the kernel gives what stands before arriving frames.
const entrance = 0xffff0000

func (d *Devices) straighten(peer netlink.Link) error {
	return unlessNone(d.host.QdiscDel(&netlink.Ingress{QdiscAttrs: netlink.QdiscAttrs{LinkIndex: peer.Attrs().Index, Handle: entrance, Parent: netlink.HANDLE_INGRESS}}))
}

func (d *Devices) turns(peer, aside netlink.Link) bool {
	list, err := d.host.FilterList(peer, entrance)
	return err == nil && len(list) > 0 && slices.ContainsFunc(list, func(f netlink.Filter) bool {
		u, ok := f.(*netlink.U32)
		return ok && u.RedirIndex == aside.Attrs().Index
	})
}

// asideName is the interface that belongs to a device. Ours begin with "vst".
func asideName(device string) string { return "i" + device[min(1, len(device)):] }

// aside makes the interface or finds it. Its alias says that it is ours.
func (d *Devices) aside(device string) (netlink.Link, error) {
	name := asideName(device)
	l, err := find(d.host, name)
	if err != nil {
		return nil, err
	}
	if l != nil && (l.Type() != "ifb" || l.Attrs().Alias != "" && l.Attrs().Alias != d.mark(device)) {
		return nil, fmt.Errorf("%s: %w", name, ErrForeign)
	}
	if l == nil {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		if err := d.host.LinkAdd(&netlink.Ifb{LinkAttrs: attrs}); err != nil {
			return nil, fmt.Errorf("make %s: %w", name, err)
		}
		if l, err = d.host.LinkByName(name); err != nil {
			return nil, err
		}
	}
	if l.Attrs().Alias == "" {
		err = d.host.LinkSetAlias(l, d.mark(device))
	}
	return l, err
}

// unturn lets the frames of a host's end go their own way again.
func (d *Devices) unturn(peer netlink.Link) error {
	l, err := find(d.host, asideName(peer.Attrs().Name))
	if err != nil || l == nil || l.Attrs().Alias != d.mark(peer.Attrs().Name) {
		return err
	}
	return errors.Join(d.straighten(peer), d.host.LinkDel(l))
}

// dropAside removes what was made beside a device that is gone.
func (d *Devices) dropAside(device string) error {
	l, err := find(d.host, asideName(device))
	if err != nil || l == nil || l.Attrs().Alias != d.mark(device) {
		return err
	}
	return d.host.LinkDel(l)
}

// limits are the bounds of a pair that somebody knows to have some. Where the
// kernel's bytes are those of the known bits, they are told as known.
func (d *Devices) limits(peer netlink.Link, known resource.Rates) resource.Rates {
	var r resource.Rates
	if known.Ingress != 0 {
		r.Ingress = told(rate(peer), known.Ingress)
	}
	if known.Egress == 0 {
		return r
	}
	aside, err := find(d.host, asideName(peer.Attrs().Name))
	if err == nil && aside != nil && aside.Attrs().Flags&net.FlagUp != 0 && d.turns(peer, aside) {
		r.Egress = told(rate(aside), known.Egress)
	}
	return r
}

func told(bytes uint64, known int64) int64 {
	if bytes == bytesOf(known) {
		return known
	}
	return int64(bytes) * 8
}

// rate is what the interface's bucket lets out, in bytes a second; 0 without
// one. It asks for this interface alone: a listing is of all there are. The
// kernel answers such a question as it tells of a change: to those who listen, and
// to who asks with NLM_F_ECHO; of what is built in (noqueue) it does not speak.
func rate(l netlink.Link) uint64 {
	req := nl.NewNetlinkRequest(unix.RTM_GETQDISC, unix.NLM_F_ACK|unix.NLM_F_ECHO)
	req.AddData(&nl.TcMsg{Family: nl.FAMILY_ALL, Ifindex: int32(l.Attrs().Index), Parent: netlink.HANDLE_ROOT})
	answers, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWQDISC)
	if err != nil || len(answers) != 1 {
		return 0
	}
	return parseRate(answers[0])
}

func parseRate(answer []byte) uint64 {
	msg := nl.DeserializeTcMsg(answer)
	attrs, err := nl.ParseRouteAttr(answer[msg.Len():])
	if err != nil {
		return 0
	}
	var kind string
	var bytes uint64
	for _, a := range attrs {
		switch a.Attr.Type {
		case nl.TCA_KIND:
			kind = unix.ByteSliceToString(a.Value)
		case nl.TCA_OPTIONS:
			bytes = bucketRate(a.Value)
		}
	}
	if kind != "tbf" {
		return 0
	}
	return bytes
}

// bucketRate reads struct tc_tbf_qopt, and the rate that does not fit into its 32 bits.
func bucketRate(options []byte) uint64 {
	attrs, err := nl.ParseRouteAttr(options)
	if err != nil {
		return 0
	}
	var bytes uint64
	for _, a := range attrs {
		switch a.Attr.Type {
		case nl.TCA_TBF_PARMS:
			bytes = max(bytes, uint64(nl.DeserializeTcTbfQopt(a.Value).Rate.Rate))
		case nl.TCA_TBF_RATE64:
			bytes = max(bytes, binary.NativeEndian.Uint64(a.Value))
		}
	}
	return bytes
}

// unlessNone drops the errors that say that nothing of that kind is there.
func unlessNone(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}
