package netdev

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// oddVLAN stands for a membership that no text can mean. IEEE 802.1Q keeps the
// number for itself.
const oddVLAN = 4095

// The parts of linux/if_bridge.h that netlink has no words for.
const (
	newVLAN   = 112    // RTM_NEWVLAN
	getVLAN   = 114    // RTM_GETVLAN, since Linux 5.7
	vlanMsg   = 8      // struct br_vlan_msg: family, padding, interface
	vlanEntry = 1      // BRIDGE_VLANDB_ENTRY
	vlanInfo  = 1      // BRIDGE_VLANDB_ENTRY_INFO: struct bridge_vlan_info
	vlanRange = 2      // BRIDGE_VLANDB_ENTRY_RANGE: the last one of several
	attrType  = 0x3fff // NLA_TYPE_MASK: without the flag of a nested one
)

// Tags says what keeps the bridge of a network from telling VLANs apart; nil
// where nothing does. A managed bridge need not be there yet.
func (d *Devices) Tags(ctx context.Context, n resource.Network) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return d.tags(n)
}

func (d *Devices) tags(n resource.Network) error {
	// Only a kernel with CONFIG_BRIDGE_VLAN_FILTERING answers; without it
	// IFLA_BR_VLAN_FILTERING is taken and ignored.
	_, err := d.memberships(0)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return resource.ErrNoVLAN
	}
	if err != nil || !n.External {
		return err
	}
	l, err := find(d.host, n.Bridge)
	if err == nil && l != nil && !tagging(l) {
		err = fmt.Errorf("%s does not tell VLANs apart, and strake changes no bridge of others: `ip link set %s type bridge vlan_filtering 1` switches it on", n.Bridge, n.Bridge)
	}
	return err
}

// Tag has a bridge of ours tell VLANs apart. It stays so: what is in no VLAN
// of its own is together in the bridge's default one.
func (d *Devices) Tag(ctx context.Context, n resource.Network) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return d.separate(n)
}

func (d *Devices) separate(n resource.Network) error {
	if err := d.tags(n); err != nil || n.External {
		return err
	}
	l, err := find(d.host, n.Bridge)
	if err != nil || l == nil || tagging(l) {
		return err
	}
	if _, ours := d.owned(l); !ours {
		return fmt.Errorf("tag on %s: %w", n.Bridge, ErrForeign)
	}
	if err := setBridge(l, nl.NewRtAttr(nl.IFLA_BR_VLAN_FILTERING, []byte{1})); err != nil {
		return fmt.Errorf("tell VLANs apart on %s: %w", n.Bridge, err)
	}
	return nil
}

func tagging(l netlink.Link) bool {
	b, ok := l.(*netlink.Bridge)
	return ok && b.VlanFiltering != nil && *b.VlanFiltering
}

// tag puts a port into a VLAN: what it sends without a tag is of that one, and
// what it is sent has the tag taken off. 0 is the bridge's default.
func (d *Devices) tag(port, bridge netlink.Link, vlan int) error {
	if vlan != 0 && !tagging(bridge) {
		_, ours := d.owned(bridge)
		n := resource.Network{Bridge: bridge.Attrs().Name, External: !ours}
		if err := d.separate(n); err != nil {
			return err
		}
	} else if !tagging(bridge) {
		return nil
	}
	if vlan == 0 {
		vlan = defaultVLAN(bridge)
	}
	have, err := d.memberships(port.Attrs().Index)
	if err != nil {
		return fmt.Errorf("list VLANs of %s: %w", port.Attrs().Name, err)
	}
	there := false
	for _, m := range have {
		if m.is(vlan) {
			there = true
			continue
		}
		if err := d.host.BridgeVlanDel(port, m.Vid, false, false, false, true); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("take %s out of VLAN %d: %w", port.Attrs().Name, m.Vid, err)
		}
	}
	if there || vlan == 0 {
		return nil
	}
	if err := d.host.BridgeVlanAdd(port, uint16(vlan), true, true, false, true); err != nil {
		return fmt.Errorf("put %s into VLAN %d: %w", port.Attrs().Name, vlan, err)
	}
	return nil
}

// tagged is the VLAN that a port is in; 0 is the bridge's default.
func (d *Devices) tagged(port, bridge netlink.Link) (int, error) {
	if !tagging(bridge) {
		return 0, nil
	}
	have, err := d.memberships(port.Attrs().Index)
	switch {
	case errors.Is(err, unix.ENODEV):
		return 0, nil // gone at this moment
	case err != nil:
		return 0, fmt.Errorf("list VLANs of %s: %w", port.Attrs().Name, err)
	case len(have) == 0 && defaultVLAN(bridge) == 0, len(have) == 1 && have[0].is(defaultVLAN(bridge)):
		return 0, nil
	case len(have) == 1 && have[0].is(int(have[0].Vid)):
		return int(have[0].Vid), nil
	}
	return oddVLAN, nil
}

func defaultVLAN(bridge netlink.Link) int {
	b, ok := bridge.(*netlink.Bridge)
	if !ok || b.VlanDefaultPVID == nil {
		return 0
	}
	return int(*b.VlanDefaultPVID)
}

// membership is one VLAN of a port.
type membership nl.BridgeVlanInfo

func (m membership) is(vlan int) bool {
	const port = nl.BRIDGE_VLAN_INFO_PVID | nl.BRIDGE_VLAN_INFO_UNTAGGED
	return int(m.Vid) == vlan && m.Flags&port == port
}

// memberships are the VLANs of one port; of all for 0. The call that lists
// them with the links would list every port of the host.
func (d *Devices) memberships(index int) ([]membership, error) {
	req := nl.NewNetlinkRequest(getVLAN, unix.NLM_F_DUMP)
	ask := make([]byte, vlanMsg)
	ask[0] = unix.AF_BRIDGE
	binary.NativeEndian.PutUint32(ask[4:], uint32(index))
	req.AddRawData(ask)
	answers, err := req.Execute(unix.NETLINK_ROUTE, newVLAN)
	if err != nil {
		return nil, err
	}
	var list []membership
	for _, a := range answers {
		if len(a) < vlanMsg {
			continue
		}
		found, err := parseMemberships(a[vlanMsg:])
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

func parseMemberships(b []byte) ([]membership, error) {
	entries, err := nl.ParseRouteAttr(b)
	if err != nil {
		return nil, err
	}
	var list []membership
	for _, e := range entries {
		if e.Attr.Type&attrType != vlanEntry {
			continue
		}
		parts, err := nl.ParseRouteAttr(e.Value)
		if err != nil {
			return nil, err
		}
		var m membership
		last := uint16(0)
		for _, p := range parts {
			switch {
			case p.Attr.Type == vlanInfo && len(p.Value) >= nl.SizeofBridgeVlanInfo:
				m.Flags, m.Vid = binary.NativeEndian.Uint16(p.Value), binary.NativeEndian.Uint16(p.Value[2:])
			case p.Attr.Type == vlanRange && len(p.Value) >= 2:
				last = binary.NativeEndian.Uint16(p.Value)
			}
		}
		list = append(list, m)
		for vid := m.Vid + 1; vid <= last && vid < oddVLAN; vid++ {
			list = append(list, membership{Flags: m.Flags, Vid: vid})
		}
	}
	return list, nil
}
