package filter

import (
	"testing"

	"strake/reconcile/host/hosttest/wire"
	"strake/reconcile/resource"
)

// What is dropped is counted for who sent it, wherever it is dropped, and
// counting is no change of the rules.
func TestRefusedAreCounted(t *testing.T) {
	l := newLAN(t, 1, 2)
	f := opened(t)
	if counts, err := f.Refused(t.Context()); err != nil || len(counts) > 0 {
		t.Errorf("without a firewall: %v, %v", counts, err)
	}
	check(t, f.Set(t.Context(), l.guard()))
	a := newWire(t, l.pids[0])
	before, err := f.Refused(t.Context())
	check(t, err)
	number, err := generation()
	check(t, err)
	dropped, size := uint64(0), uint64(0)
	counted := func(frame []byte) {
		dropped, size = dropped+1, size+uint64(len(frame)-14)
		if kind := string(frame[12:14]); kind == "\x81\x00" || kind == "\x88\xa8" {
			size -= 4 // the kernel takes the outer tag off first
		}
	}
	for _, fr := range scene().Frames() {
		check(t, a.Send(fr.Bytes))
		if !fr.Passes(l.nics[0]) {
			counted(fr.Bytes)
		}
	}
	for _, group := range consumed() {
		for kind, payload := range map[uint16][]byte{wire.IPv4: wire.Packet4(ipA, "10.231.0.1", 17, wire.UDP(1, 2, nil)), wire.ARP: wire.AskARP(1, macA, ipA, macB, "10.231.0.1")} {
			frame := wire.Ether(group, macA, kind, payload)
			check(t, a.Send(frame))
			counted(frame)
		}
	}
	counts, err := f.Refused(t.Context())
	check(t, err)
	one, other := l.nics[0].Device, l.nics[1].Device
	if got := counts[one].Frames - before[one].Frames; got != dropped {
		t.Errorf("%d frames are counted, %d were dropped", got, dropped)
	}
	if got := counts[one].Bytes - before[one].Bytes; got != size {
		t.Errorf("%d bytes are counted, %d were dropped", got, size)
	}
	if counts[other] != before[other] {
		t.Errorf("of who sent nothing: %v, was %v", counts[other], before[other])
	}
	if now, err := generation(); err != nil || now != number {
		t.Errorf("the rules are of generation %d, were %d, %v", now, number, err)
	}
	expect(t, f, l.guard())
	g := l.guard()
	g.NICs[1].IPv4 = "10.231.0.9/24"
	check(t, f.Set(t.Context(), g))
	if after, err := f.Refused(t.Context()); err != nil || after[one].Frames < counts[one].Frames {
		t.Errorf("a change elsewhere took the count back: %v, %v", after[one], err)
	}
	g.NICs[0].Filter = resource.Filter{}
	check(t, f.Set(t.Context(), g))
	check(t, a.Send(wire.Ether("01:80:c2:00:00:00", macA, wire.ARP, wire.AskARP(1, macA, ipA, macB, ipB))))
	if after, err := f.Refused(t.Context()); err != nil || after[one].Frames <= counts[one].Frames {
		t.Errorf("what an unfiltered one may not send is not counted: %v, %v", after[one], err)
	}
}
