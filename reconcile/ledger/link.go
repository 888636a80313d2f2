package ledger

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Link wishes for the hardware side of one interface.
type Link struct {
	Container, NIC string
	MAC            string // "": chosen
	Own            bool   // it is a device of the host: nothing is chosen
}

// Links chooses MAC and Device for each interface of a run that is to be made,
// in the order of the wishes; the result does not depend on that order. Written MACs come
// first, and one that was written for an interface and is no longer gives way
// to who writes it now. Errors, joined: *TakenError, *BadMACError; what had
// an error has an empty result.
func (d *Draft) Links(wishes []Link) ([]NICEntry, error) {
	run := make(map[owner]Link, len(wishes))
	for _, w := range wishes {
		run[owner{w.Container, w.NIC}] = w
	}
	out := make([]NICEntry, len(wishes))
	var errs []error
	for _, i := range order(wishes) {
		n, err := d.link(wishes[i], run)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out[i] = n
	}
	return out, errors.Join(errs...)
}

// order is written ones first, then by name.
func order(wishes []Link) []int {
	at := make([]int, len(wishes))
	for i := range at {
		at[i] = i
	}
	slices.SortFunc(at, func(i, j int) int {
		a, b := wishes[i], wishes[j]
		return cmp.Or(chosenLast(a.MAC == "", b.MAC == ""),
			cmp.Compare(a.Container, b.Container), cmp.Compare(a.NIC, b.NIC))
	})
	return at
}

func chosenLast(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func (d *Draft) link(w Link, run map[owner]Link) (NICEntry, error) {
	o := owner{w.Container, w.NIC}
	written, ok := normalMAC(w.MAC)
	if !ok {
		return NICEntry{}, &BadMACError{w.Container, w.NIC, w.MAC}
	}
	if err := d.claimMAC(o, written, run); err != nil {
		return NICEntry{}, err
	}
	d.changeNIC(o, func(n *NICEntry) {
		n.FixedMAC = written != ""
		switch {
		case w.Own:
			d.clear(n)
		case !n.Loose:
			d.fill(o, n)
		}
	})
	return d.Entry(o.name).NICs[o.nic], nil
}

// fill chooses what neither text nor ledger says.
func (d *Draft) fill(o owner, n *NICEntry) {
	if n.MAC == "" {
		n.MAC = probe(d.macs, d.macOf("nic", o.name, o.nic))
	}
	if n.Device == "" {
		n.Device = probe(d.devices, d.deviceOf(o.name, o.nic))
	}
	d.macs[n.MAC], d.devices[n.Device] = o, o
}

// clear frees what was chosen when the interface was of another type.
func (d *Draft) clear(n *NICEntry) {
	delete(d.devices, n.Device)
	n.Device = ""
	if !n.FixedMAC {
		delete(d.macs, n.MAC)
		n.MAC = ""
	}
}

// claimMAC gives o the written MAC, from whom it may be taken.
func (d *Draft) claimMAC(o owner, mac string, run map[owner]Link) error {
	if mac == "" {
		return nil
	}
	have, taken := d.macs[mac]
	if taken && have != o {
		if w, ok := run[have]; !ok || !d.yieldsMAC(have, w, mac) {
			return &TakenError{mac, o.name, o.nic, have.name, have.nic}
		}
		d.setMAC(have, "")
	}
	d.setMAC(o, mac)
	return nil
}

// yieldsMAC says whether an interface is about to leave a MAC.
func (d *Draft) yieldsMAC(o owner, w Link, mac string) bool {
	if written, _ := normalMAC(w.MAC); written != "" {
		return written != mac
	}
	return d.Entry(o.name).NICs[o.nic].FixedMAC
}

func (d *Draft) setMAC(o owner, mac string) {
	d.changeNIC(o, func(n *NICEntry) {
		if n.MAC != "" {
			delete(d.macs, n.MAC)
		}
		if n.MAC = mac; mac != "" {
			d.macs[mac] = o
		}
	})
}

// Firm ends that LXC chooses what an interface lacks: the next Links does.
func (d *Draft) Firm(container, nic string) {
	if d.Entry(container).NICs[nic].Loose {
		d.changeNIC(owner{container, nic}, func(n *NICEntry) { n.Loose = false })
	}
}

// BridgeMAC is the MAC of a managed network's bridge. The kernel would take
// the lowest of its ports otherwise, and change it as they come and go.
func (d *Draft) BridgeMAC(network string) string {
	n := d.l.Networks[network]
	if n.MAC == "" {
		n.MAC = probe(d.macs, d.macOf("bridge", network))
		d.macs[n.MAC] = owner{name: network}
		d.l.Networks[network] = n
	}
	return n.MAC
}

// probe is the first candidate that no one has.
func probe(taken map[string]owner, candidate func(try int) string) string {
	for try := 0; ; try++ {
		if c := candidate(try); !has(taken, c) {
			return c
		}
	}
}

func has[K comparable](m map[K]owner, key K) bool { _, ok := m[key]; return ok }

// macOf makes locally administered unicast MACs (IEEE 802, second lowest bit
// of the first byte) with 40 bits of hash.
func (d *Draft) macOf(words ...string) func(int) string {
	return func(try int) string {
		sum := d.hash("mac", try, words)
		mac := "02"
		for _, b := range sum[:5] {
			mac += ":" + hex.EncodeToString([]byte{b})
		}
		return mac
	}
}

// deviceOf makes host names of interfaces; the kernel takes 15 bytes.
func (d *Draft) deviceOf(words ...string) func(int) string {
	return func(try int) string {
		sum := d.hash("device", try, words)
		return "vst" + hex.EncodeToString(sum[:5])
	}
}

func (d *Draft) hash(what string, try int, words []string) [sha256.Size]byte {
	all := append([]string{what, d.l.Installation, strconv.Itoa(try)}, words...)
	return sha256.Sum256([]byte(strings.Join(all, "\x00")))
}

// normalMAC is a MAC in lower case with colons; "" stays "". Broadcast and
// multicast addresses and the zero one are none.
func normalMAC(mac string) (string, bool) {
	if mac == "" {
		return "", true
	}
	parts := strings.Split(strings.ReplaceAll(strings.ToLower(mac), "-", ":"), ":")
	raw, err := hex.DecodeString(strings.Join(parts, ""))
	if err != nil || len(parts) != 6 || len(raw) != 6 || raw[0]&1 == 1 {
		return "", false
	}
	for _, p := range parts {
		if len(p) != 2 {
			return "", false
		}
	}
	return strings.Join(parts, ":"), [6]byte(raw) != [6]byte{}
}

// TakenError says that a MAC or address is another's already.
type TakenError struct {
	What           string // the MAC or address
	Container, NIC string // who wished for it
	Owner, OwnNIC  string // who has it; OwnNIC "" for a network's bridge
}

func (e *TakenError) Error() string {
	whose := fmt.Sprintf("nic %q of container %q", e.OwnNIC, e.Owner)
	if e.OwnNIC == "" {
		whose = fmt.Sprintf("the bridge of network %q", e.Owner)
	}
	return fmt.Sprintf("nic %q of container %q: %s is taken by %s", e.NIC, e.Container, e.What, whose)
}

// BadMACError says that a text is no MAC of an interface.
type BadMACError struct{ Container, NIC, MAC string }

func (e *BadMACError) Error() string {
	return fmt.Sprintf("nic %q of container %q: %q is no unicast MAC", e.NIC, e.Container, e.MAC)
}
