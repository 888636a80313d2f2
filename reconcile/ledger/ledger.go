// Package ledger holds the choices that are made once and then kept: a
// container's range of ids, its MACs, addresses and interface names on the
// host, the number of its newest writable layer. They survive restarts,
// recreates and rollbacks, and end only when the container is forgotten. The
// package is pure: it reads and writes no file, has no clock and no chance of
// its own, so equal input gives equal choices.
package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"

	"strake/reconcile/idmap"
)

// Version of the JSON form.
const Version = 1

// The refusals.
var (
	// ErrNewer says that a newer strake wrote the ledger.
	ErrNewer = errors.New("ledger written by a newer version")
	// ErrDamaged says that the text is no ledger, or that two entries have
	// the same thing.
	ErrDamaged = errors.New("damaged ledger")
	// ErrFull says that a network has no free address.
	ErrFull = errors.New("no free address")
)

// Ledger is all choices of one installation. It is a value: a Draft of it is
// changed, never the Ledger itself.
type Ledger struct {
	Version      int                     `json:"version"`
	Installation string                  `json:"installation"` // 8 hex digits, told apart from other installations on the host
	Containers   map[string]Entry        `json:"containers,omitempty"`
	Networks     map[string]NetworkEntry `json:"networks,omitempty"`
}

// Entry is what was chosen for one container.
type Entry struct {
	UUID     string              `json:"uuid,omitempty"`
	IDMap    idmap.Range         `json:"idmap,omitzero"`
	Adopted  bool                `json:"adopted,omitempty"`  // it came with what it has
	Brought  []idmap.Range       `json:"brought,omitempty"`  // ids that it came with: others may have them too, nobody is given them
	Writable int                 `json:"writable,omitempty"` // highest number of a writable layer
	NICs     map[string]NICEntry `json:"nics,omitempty"`     // by name inside
}

// NICEntry is what was chosen for one interface.
type NICEntry struct {
	MAC      string             `json:"mac,omitempty"`
	FixedMAC bool               `json:"fixed_mac,omitempty"` // as it was written, not chosen
	Device   string             `json:"device,omitempty"`    // name on the host
	Loose    bool               `json:"loose,omitempty"`     // what it lacks of MAC and Device, LXC chooses at each start
	IPv4     map[string]Address `json:"ipv4,omitempty"`      // by network
	IPv6     map[string]Address `json:"ipv6,omitempty"`      // by network

	Further map[string][]netip.Addr `json:"further,omitempty"` // written ones beside those, by network
}

// Address is one address; a Fixed one was written, the others were chosen.
type Address struct {
	IP    netip.Addr `json:"ip"`
	Fixed bool       `json:"fixed,omitempty"`
}

// NetworkEntry is what was chosen for one network.
type NetworkEntry struct {
	MAC string `json:"mac,omitempty"` // of the bridge
}

// New is an empty ledger. The installation is 8 hex digits, chosen once by
// chance.
func New(installation string) Ledger {
	return Ledger{Version: Version, Installation: installation}
}

// Decode reads the JSON form. Errors: ErrNewer, ErrDamaged.
func Decode(text []byte) (Ledger, error) {
	var l Ledger
	if err := json.Unmarshal(text, &l); err != nil {
		return Ledger{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if l.Version > Version {
		return Ledger{}, fmt.Errorf("%w: form %d", ErrNewer, l.Version)
	}
	if l.Version < 1 || l.Installation == "" {
		return Ledger{}, fmt.Errorf("%w: form %d, installation %q", ErrDamaged, l.Version, l.Installation)
	}
	if err := l.Check(); err != nil {
		return Ledger{}, err
	}
	return l, nil
}

// Encode writes the JSON form: equal ledgers give equal text.
func (l Ledger) Encode() []byte {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		panic("ledger: no JSON form: " + err.Error()) // plain values only
	}
	return append(text, '\n')
}

func (l Ledger) clone() Ledger {
	containers := make(map[string]Entry, len(l.Containers))
	for name, e := range l.Containers {
		nics := make(map[string]NICEntry, len(e.NICs))
		for nic, n := range e.NICs {
			n.IPv4, n.IPv6, n.Further = maps.Clone(n.IPv4), maps.Clone(n.IPv6), maps.Clone(n.Further)
			nics[nic] = n
		}
		e.NICs = nics
		containers[name] = e
	}
	l.Containers = containers
	l.Networks = maps.Clone(l.Networks)
	if l.Networks == nil {
		l.Networks = map[string]NetworkEntry{}
	}
	return l
}
