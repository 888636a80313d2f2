package netdev

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// habit is how a bridge or a port of it behaves in one respect, as the kernel
// makes it and strake leaves it. No text has a word for these.
type habit struct {
	attribute uint16
	usual     uint64
	name      string // as bridge(8) and ip-link(8) call it
}

// portHabits are those of a port. Its state is another matter: see stateHabit.
var portHabits = []habit{
	{nl.IFLA_BRPORT_ISOLATED, 0, "isolated"},
	{nl.IFLA_BRPORT_LEARNING, 1, "learning"},
	{nl.IFLA_BRPORT_UNICAST_FLOOD, 1, "flood"},
	{nl.IFLA_BRPORT_MCAST_FLOOD, 1, "mcast_flood"},
	{nl.IFLA_BRPORT_BCAST_FLOOD, 1, "bcast_flood"},
	{nl.IFLA_BRPORT_LOCKED, 0, "locked"},
	{nl.IFLA_BRPORT_MODE, 0, "hairpin"},
	{nl.IFLA_BRPORT_GUARD, 0, "guard"},
	{nl.IFLA_BRPORT_PROTECT, 0, "root_block"},
	{nl.IFLA_BRPORT_FAST_LEAVE, 0, "fastleave"},
	{nl.IFLA_BRPORT_PROXYARP, 0, "proxy_arp"},
	{nl.IFLA_BRPORT_PROXYARP_WIFI, 0, "proxy_arp_wifi"},
	{nl.IFLA_BRPORT_NEIGH_SUPPRESS, 0, "neigh_suppress"},
	{nl.IFLA_BRPORT_VLAN_TUNNEL, 0, "vlan_tunnel"},
	{nl.IFLA_BRPORT_MCAST_TO_UCAST, 0, "mcast_to_unicast"},
	{nl.IFLA_BRPORT_MULTICAST_ROUTER, 1, "mcast_router"},
	{nl.IFLA_BRPORT_GROUP_FWD_MASK, 0, "group_fwd_mask"},
}

// stateHabit is whether a port takes part at all: 3 is "forwarding". One without
// a carrier is "disabled" by that alone.
var stateHabit = habit{nl.IFLA_BRPORT_STATE, 3, "state"}

// bridgeHabits are those of a bridge. Times are in hundredths of a second (USER_HZ).
var bridgeHabits = []habit{
	{nl.IFLA_BR_STP_STATE, 0, "stp_state"},
	{nl.IFLA_BR_AGEING_TIME, 30000, "ageing_time"},
	{nl.IFLA_BR_GROUP_FWD_MASK, 0, "group_fwd_mask"},
	{nl.IFLA_BR_MCAST_SNOOPING, 1, "mcast_snooping"},
	{nl.IFLA_BR_MCAST_ROUTER, 1, "mcast_router"},
	{nl.IFLA_BR_MCAST_QUERIER, 0, "mcast_querier"},
}

// oddity is a habit that somebody has changed.
type oddity struct {
	habit
	value []byte
}

func (o oddity) String() string { return fmt.Sprintf("%s %d", o.name, number64(o.value)) }

// usually is the attribute as it should be, as wide as the kernel has it.
func (o oddity) usually() *nl.RtAttr {
	b := make([]byte, 8)
	binary.NativeEndian.PutUint64(b, o.usual)
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 { // the low bytes come last
		b = b[8-len(o.value):]
	}
	return nl.NewRtAttr(int(o.attribute), b[:len(o.value)])
}

func number64(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.NativeEndian.Uint16(b))
	case 4:
		return uint64(binary.NativeEndian.Uint32(b))
	}
	return 0
}

// said are the oddities of a link, and those of its settings.
func said(list []oddity, settings ...string) string {
	var words []string
	for _, o := range list {
		words = append(words, o.String())
	}
	return strings.Join(append(words, settings...), ", ")
}

// oddities are what of the habits is otherwise. data is the part of a link's
// description that holds them: of a bridge nl.IFLA_INFO_DATA, of a port
// nl.IFLA_INFO_SLAVE_DATA. A kernel that lacks one does not speak of it.
func oddities(index int, data uint16, habits []habit) ([]oddity, error) {
	parts, err := described(index, data)
	if err != nil {
		return nil, err
	}
	var list []oddity
	for _, h := range habits {
		for _, p := range parts {
			if p.Attr.Type&attrType == h.attribute && len(p.Value) <= 4 && number64(p.Value) != h.usual {
				list = append(list, oddity{h, p.Value})
			}
		}
	}
	return list, nil
}

// described asks for what the library leaves out of a link.
func described(index int, data uint16) (parts []syscall.NetlinkRouteAttr, err error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, 0)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	answers, err := req.Execute(unix.NETLINK_ROUTE, 0)
	if errors.Is(err, unix.ENODEV) || err == nil && len(answers) != 1 {
		return nil, nil // gone at this moment
	}
	if err != nil {
		return nil, err
	}
	at := answers[0][unix.SizeofIfInfomsg:]
	for _, kind := range []uint16{unix.IFLA_LINKINFO, data} {
		list, err := nl.ParseRouteAttr(at)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(list, func(a syscall.NetlinkRouteAttr) bool { return a.Attr.Type&attrType == kind })
		if i < 0 {
			return nil, nil
		}
		at = list[i].Value
	}
	return nl.ParseRouteAttr(at)
}

// portOddities are those of a port of a bridge of ours: how others' bridges
// treat theirs is for others to say.
func (d *Devices) portOddities(port, bridge netlink.Link) ([]oddity, error) {
	if _, ours := d.owned(bridge); !ours {
		return nil, nil
	}
	habits := portHabits
	if port.Attrs().OperState == netlink.OperUp {
		habits = append(slices.Clone(habits), stateHabit)
	}
	list, err := oddities(port.Attrs().Index, nl.IFLA_INFO_SLAVE_DATA, habits)
	if err != nil {
		return nil, fmt.Errorf("look at port %s: %w", port.Attrs().Name, err)
	}
	return list, nil
}

// usualPort has a port behave as the kernel makes it.
func (d *Devices) usualPort(port, bridge netlink.Link) error {
	list, err := d.portOddities(port, bridge)
	if err != nil || len(list) == 0 {
		return err
	}
	info := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
	for _, o := range list {
		info.AddChild(o.usually())
	}
	if err := setLink(unix.RTM_SETLINK, unix.AF_BRIDGE, port, info); err != nil {
		return fmt.Errorf("undo %s of port %s: %w", said(list), port.Attrs().Name, err)
	}
	return nil
}

// usualBridge has a bridge behave as the kernel makes it.
func usualBridge(bridge netlink.Link) error {
	list, err := oddities(bridge.Attrs().Index, nl.IFLA_INFO_DATA, bridgeHabits)
	if err != nil || len(list) == 0 {
		return err
	}
	var changed []*nl.RtAttr
	for _, o := range list {
		changed = append(changed, o.usually())
	}
	if err := setBridge(bridge, changed...); err != nil {
		return fmt.Errorf("undo %s: %w", said(list), err)
	}
	return nil
}

// setBridge changes only these attributes of a bridge: the library's own calls
// send all of the link.
func setBridge(bridge netlink.Link, changed ...*nl.RtAttr) error {
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
	data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
	for _, a := range changed {
		data.AddChild(a)
	}
	return setLink(unix.RTM_NEWLINK, unix.AF_UNSPEC, bridge, info)
}

func setLink(kind, family int, l netlink.Link, change *nl.RtAttr) error {
	req := nl.NewNetlinkRequest(kind, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(family)
	msg.Index = int32(l.Attrs().Index)
	req.AddData(msg)
	req.AddData(change)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}
