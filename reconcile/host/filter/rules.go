package filter

import "strings"

// The rules never change: what a NIC or a network may do is in the sets, so a
// frame costs the same with one NIC and with a thousand.
//
// bridgeRules see every frame that a port of a bridge receives.
//   - 01:80:c2:00:00:0X is consumed by the bridge's port itself and reaches
//     the host's IP stack past the prerouting hook, as if received by the veth
//     (br_handle_frame): only the input hook of the bridge family sees it.
//   - "ether type" and not "meta protocol": the kernel takes a VLAN tag off
//     before the hook, and only the former still sees it.
//   - Offsets instead of "icmpv6 taddr" (nft 1.0.8): IPv6 has 40 bytes, so
//     bit 320 is the first after them, and in neighbour discovery bit 384
//     is the target, 512 its option's type and length, 528 the option's MAC.
//     14 is the nonce of duplicate address detection (RFC 7527).
//   - Extension headers could hide what follows from us and not from the
//     receiver. Only fragments and multicast listener reports have them.
//   - MACs and IPv6 addresses are offsets everywhere, so that one set of each does:
//     a sender's MAC is at bit 48 of the frame and 64 of ARP, an IPv6 source at
//     bit 64.
//   - DHCP servers are recognised by either port.
//   - A lookup counts the elements that it finds, where a set has counters.
const bridgeRules = `
chain refuse {
	iifname @refused drop
	drop
}
chain unheld {
	ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 goto refuse
}
chain sender {
	ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 goto refuse
	iifname . @ll,48,48 != @macs goto refuse
	ether type arp goto arps
	ether type ip goto four
	ether type ip6 goto six
	goto refuse
}
` + arpsRules + packetsRules + `chain guard {
	type filter hook prerouting priority -300; policy accept;
	iifname vmap @ports
}
chain consumed {
	type filter hook input priority -300; policy accept;
	ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 iifname vmap @ports
}
chain between {
	type filter hook forward priority -300; policy accept;
	iifname @isolated oifname @isolated drop
}
`

// arpsRules and packetsRules are what a sender is held to, whichever way its frames come.
const arpsRules = `
chain arps {
	arp htype != 1 goto refuse
	arp ptype != 0x0800 goto refuse
	arp hlen != 6 goto refuse
	arp plen != 4 goto refuse
	arp operation != { request, reply } goto refuse
	iifname . @nh,64,48 != @macs goto refuse
	iifname @free4 accept
	iifname . arp saddr ip @ip4s accept
	iifname . arp saddr ip @net4s accept
	arp operation request arp saddr ip 0.0.0.0 iifname . arp daddr ip @ip4s accept
	arp operation request arp saddr ip 0.0.0.0 iifname . arp daddr ip @net4s accept
	goto refuse
}
`

const packetsRules = `
chain four {
	iifname @none4 goto refuse
	udp sport 67 goto refuse
	udp dport 68 goto refuse
	iifname @free4 accept
	iifname . ip saddr @ip4s accept
	iifname . ip saddr @net4s accept
	ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept
	goto refuse
}
chain six {
	iifname @none6 goto refuse
	ip6 nexthdr { 43, 51, 60, 135, 139, 140 } goto refuse
	ip6 nexthdr 0 goto listeners
	ip6 nexthdr 44 jump pieces
	ip6 nexthdr 58 jump neighbours
	udp sport 547 goto refuse
	udp dport 546 goto refuse
	iifname @free6 accept
	iifname . @nh,64,128 @ip6s accept
	iifname . @nh,64,128 @net6s accept
	goto refuse
}
chain listeners {
	@nh,320,8 != 58 goto refuse
	@nh,328,8 != 0 goto refuse
	@nh,384,8 != { 131, 132, 143 } goto refuse
	iifname @free6 accept
	ip6 saddr :: accept
	iifname . @nh,64,128 @ip6s accept
	goto refuse
}
chain pieces {
	@nh,320,8 { 0, 43, 44, 51, 60, 135, 139, 140 } goto refuse
	@nh,320,8 58 @nh,336,16 & 0xfff8 == 0 @nh,384,8 { 130, 131, 132, 133, 134, 135, 136, 137, 143 } goto refuse
}
chain neighbours {
	@nh,320,8 { 130, 134, 137 } goto refuse
	@nh,320,8 133 jump solicits
	@nh,320,8 { 135, 136 } jump targets
}
chain solicits {
	ip6 length > 16 goto refuse
	ip6 length > 8 @nh,384,16 != 0x0101 goto refuse
	ip6 length > 8 iifname . @nh,400,48 != @macs goto refuse
	iifname != @free6 ip6 saddr :: accept
}
chain targets {
	ip6 hoplimit != 255 goto refuse
	ip6 length != { 24, 32 } goto refuse
	ip6 length 32 @nh,512,16 != { 0x0101, 0x0201, 0x0e01 } goto refuse
	ip6 length 32 @nh,512,8 != 14 iifname . @nh,528,48 != @macs goto refuse
	iifname @free6 return
	@nh,320,8 136 iifname . @nh,384,128 != @ip6s iifname . @nh,384,128 != @net6s goto refuse
	ip6 saddr :: iifname . @nh,384,128 @ip6s accept
	ip6 saddr :: iifname . @nh,384,128 @net6s accept
}
`

// routedRules are the same for devices that are no ports: their frames end on
// the host, so only what its IP and ARP take can do anything, and passes here. The
// sets are others, of the table that the rules stand in.
var routedRules = strings.NewReplacer("@macs", "@rmacs", "@refused", "@rstopped",
	"@free4", "@rfree4", "@none4", "@rnone4", "@ip4s", "@rip4s", "@net4s", "@rnet4s",
	"@free6", "@rfree6", "@none6", "@rnone6", "@ip6s", "@rip6s", "@net6s", "@rnet6s").Replace(`
chain refuse {
	iifname @refused drop
	drop
}
` + packetsRules + `
chain sender {
	iifname . @ll,48,48 != @macs goto refuse
	meta nfproto ipv4 goto four
	meta nfproto ipv6 goto six
}
chain guard {
	type filter hook prerouting priority -300; policy accept;
	iifname @rheld goto sender
}
`)

// arpRoutedRules are those of ARP.
var arpRoutedRules = strings.NewReplacer("@macs", "@amacs", "@refused", "@astopped", "@free4", "@afree4", "@ip4s", "@aip4s", "@net4s", "@anet4s").Replace(`
chain refuse {
	iifname @refused drop
	drop
}
` + arpsRules + `
chain sender {
	iifname . @ll,48,48 != @macs goto refuse
	goto arps
}
chain guard {
	type filter hook input priority -300; policy accept;
	iifname @aheld goto sender
}
`)

// inetRules say where a network's traffic may go. "accept" ends only our own
// chain: other tables still decide for themselves.
//   - Networks are closed to each other, and a network without NAT to
//     everything. Established connections pass only where new ones may begin,
//     so that switching NAT off ends them.
//   - What another table redirects to a container (DNAT: a published port)
//     was declared by whoever did it, and passes with its answers.
//   - What a port of a bridge consumes (see above) arrives as if from the veth;
//     a frame to 01:80:c2:00:00:0e (LLDP) even past the input hook of the
//     bridge family. No rule that goes by the bridge would see it. What of it
//     is ARP never comes here, but to arpRules.
//   - Of what answers for names only the bridge's own addresses are open: another
//     name server of the host is none of the containers' business.
//   - The same holds for the proxy that is the way out of containers; who may use
//     it is for the proxy to say, by the sender, which bridgeRules make honest.
//   - A published port leads to a container from everywhere but 127.0.0.0/8 and
//     ::1: for those the kernel would have to take packets from the loopback
//     net off the wire (route_localnet). The client's address stays, but where
//     it is on the container's own bridge: the answer would go past the host.
//   - Two routed devices with one parent reach each other, as they would on its
//     network. That they have it in common says the group of their devices.
//   - "loops" lets a packet back out of the bridge by which it came: with
//     br_netfilter every bridged packet passes here. An isolated network is
//     left out, or its containers would talk by way of the host.
const inetRules = `
chain consumed {
	type filter hook prerouting priority -300; policy accept;
	iifname @links drop
}
chain published {
	type nat hook prerouting priority -100; policy accept;
	fib daddr type local dnat ip to meta l4proto . th dport map @pub4s
	fib daddr type local dnat ip6 to meta l4proto . th dport map @pub6s
}
chain own {
	type nat hook output priority -100; policy accept;
	ip daddr != 127.0.0.0/8 fib daddr type local dnat ip to meta l4proto . th dport map @pub4s
	ip6 daddr != ::1 fib daddr type local dnat ip6 to meta l4proto . th dport map @pub6s
}
chain input {
	type filter hook input priority 0; policy accept;
	iifname @bridges goto host
	iifname @routed goto host
}
chain host {
	iifname @open accept
	ct state established,related accept
	iifname @dhcp udp dport { 67, 547 } accept
	iifname @names fib daddr . iif type local meta l4proto { tcp, udp } th dport 53 accept
	iifname @proxied fib daddr . iif type local tcp dport 3128 accept
	iifname @routers icmpv6 type nd-router-solicit accept
	icmp type echo-request accept
	icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert } accept
	drop
}
chain forward {
	type filter hook forward priority 0; policy accept;
	iifname @routed goto across
	oifname @routed goto across
	iifname @bridges goto outward
	oifname @bridges goto inward
}
chain across {
	iifname . oifname @ways accept
	iifname @routed oifname @routed iifgroup . oifgroup @peers accept
	iifname @bridges drop
	ct status dnat accept
	drop
}
chain outward {
	iifname . oifname @loops accept
	oifname @bridges drop
	iifname @nat accept
	iifname . oifname @exits accept
	ct status dnat ct direction reply accept
	drop
}
chain inward {
	oifname @nat ct state established,related accept
	oifname . iifname @exits ct state established,related accept
	ct status dnat accept
	drop
}
chain postrouting {
	type nat hook postrouting priority 100; policy accept;
	iifname . oifname @loops ct status dnat masquerade
	oifname @bridges return
	iifname @nat masquerade
	iifname . oifname @exits masquerade
}
`

// arpRules keep the host from answering on a device that is only a port: see
// what is consumed, above.
const arpRules = `
chain consumed {
	type filter hook input priority -300; policy accept;
	iifname @heard drop
}
`

func families() [3]string { return [3]string{"bridge", "inet", "arp"} }

func rulesOf(family string) string {
	switch family {
	case "bridge":
		return bridgeRules
	case "inet":
		return routedRules + inetRules
	}
	return arpRoutedRules + arpRules
}

// set is one set of ours.
type set struct {
	family string
	name   string
	kind   string // declaration in nft's words
}

// sets are all of ours, in the order in which they are written.
func sets() []set {
	const port, pair, ranges, counted, published = "type ifname", "type ifname . ", "; flags interval", "; counter", "type inet_proto . inet_service : "
	return []set{
		{"bridge", ports, port + " : verdict"},
		{"bridge", isolated, port},
		{"bridge", refused, port + counted},
		{"bridge", macs, "typeof iifname . @nh,528,48"},
		{"bridge", free4, port},
		{"bridge", none4, port},
		{"bridge", ip4s, pair + "ipv4_addr"},
		{"bridge", free6, port},
		{"bridge", none6, port},
		{"bridge", ip6s, "typeof iifname . @nh,384,128"},
		{"bridge", net4s, pair + "ipv4_addr" + ranges},
		{"bridge", net6s, "typeof iifname . @nh,384,128" + ranges},
		{"bridge", about, port},
		{"inet", links, port + counted},
		{"inet", bridges, port},
		{"inet", nat, port},
		{"inet", open, port},
		{"inet", dhcp, port},
		{"inet", names, port},
		{"inet", routers, port},
		{"inet", proxied, port},
		{"inet", loops, pair + "ifname"},
		{"inet", exits, pair + "ifname"},
		{"inet", routed, port},
		{"inet", ways, pair + "ifname"},
		{"inet", peers, "type devgroup . devgroup"},
		{"inet", rheld, port},
		{"inet", rstopped, port + counted},
		{"inet", rmacs, "typeof iifname . @ll,48,48"},
		{"inet", rfree4, port},
		{"inet", rnone4, port},
		{"inet", rip4s, pair + "ipv4_addr"},
		{"inet", rnet4s, pair + "ipv4_addr" + ranges},
		{"inet", rfree6, port},
		{"inet", rnone6, port},
		{"inet", rip6s, "typeof iifname . @nh,384,128"},
		{"inet", rnet6s, "typeof iifname . @nh,384,128" + ranges},
		{"inet", pub4s, published + "ipv4_addr . inet_service"},
		{"inet", pub6s, published + "ipv6_addr . inet_service"},
		{"arp", heard, port + counted},
		{"arp", aheld, port},
		{"arp", astopped, port + counted},
		{"arp", amacs, "typeof iifname . @ll,48,48"},
		{"arp", afree4, port},
		{"arp", aip4s, pair + "ipv4_addr"},
		{"arp", anet4s, pair + "ipv4_addr" + ranges},
	}
}

// Names of the sets. Those that follow from others are marked so: they are
// written with them, and an odd one shows as damage.
const (
	ports    = "ports"    // host device, its bridge as comment : sender or unheld
	isolated = "isolated" // follows: devices on isolated networks
	refused  = "refused"  // follows: the same as ports; counts what is dropped of each
	macs     = "macs"     // device . MAC
	free4    = "free4"    // filtered devices that may send from any IPv4 address
	none4    = "none4"    // follows: those of the others that have no address
	ip4s     = "ip4s"     // device . address, its prefix length as comment
	free6    = "free6"
	none6    = "none6"
	ip6s     = "ip6s"  // link-local ones have the comment "link"
	net4s    = "net4s" // device . prefix; looked up last: a hash is quicker than ranges
	net6s    = "net6s"
	about    = "about"   // digests of the rules as text and as the kernel listed them
	links    = "links"   // follows: the same as ports, in the inet table
	heard    = "heard"   // follows: the same, in the arp table
	bridges  = "bridges" // of managed networks
	nat      = "nat"
	open     = "open" // networks with host access
	dhcp     = "dhcp" // networks on which the host serves it
	names    = "names"
	routers  = "routers" // networks with router advertisements
	proxied  = "proxied" // networks with the proxy of containers' egress
	loops    = "loops"
	exits    = "exits"  // network . the only interface that it leaves by, in place of nat
	routed   = "routed" // host devices that are no ports of a bridge
	ways     = "ways"   // device . interface and back: where a routed one leads
	peers    = "peers"  // follows: group . group, of devices that have a parent in common
	rheld    = "rheld"  // those of routed that are filtered; what follows with an r is about them
	rstopped = "rstopped"
	rmacs    = "rmacs"
	rfree4   = "rfree4"
	rnone4   = "rnone4"
	rip4s    = "rip4s"
	rnet4s   = "rnet4s"
	rfree6   = "rfree6"
	rnone6   = "rnone6"
	rip6s    = "rip6s"
	rnet6s   = "rnet6s"
	aheld    = "aheld" // follows, as all with an a: the same in the arp table
	astopped = "astopped"
	amacs    = "amacs"
	afree4   = "afree4"
	aip4s    = "aip4s"
	anet4s   = "anet4s"
	pub4s    = "pub4s" // protocol . port of the host, device as comment : address . port
	pub6s    = "pub6s"
)
