package resource

import "net/netip"

// Probe asks on an interface of the host whether somebody has an address.
type Probe struct {
	Link    string
	Address netip.Addr
}

// Taken says that somebody has it.
type Taken struct {
	Probe
	MAC string
}
