package main

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"strake/reconcile/host/hosttest/wire"
	"strake/reconcile/resource"
)

const four2, six2 = "10.132.0.2", "fd42:32::2"

// routedText are the two containers behind one parent, the host between them.
func routedText(s setting) string {
	own := func(text, is, to string) string {
		return strings.ReplaceAll(text, strconv.Quote(is), strconv.Quote(to))
	}
	text := fmt.Sprintf(`stack "m" {}

container "forger" {
  nic "eth0" {
    type   = "routed"
    parent = "lan"
    mac    = "02:00:00:00:32:02"
    ipv4   = %q
    ipv6   = %q
    filter {
      mac  = %v
      ipv4 = %v
      ipv6 = %v
    }
  }
}

container "victim" {
  nic "eth0" {
    type   = "routed"
    parent = "lan"
    mac    = "02:00:00:00:32:03"
    ipv4   = "10.132.0.3"
    ipv6   = "fd42:32::3"
  }
}
`, s.ipv4, s.ipv6, s.filter.MAC, s.filter.IPv4, s.filter.IPv6)
	return own(own(text, four, four2), six, six2)
}

// routers is a pair of containers that the host is the router of. What is lied to
// is the host, at either of its ends, and the other container.
type routers struct {
	matrix
	lan, end place // the host: on its parent's network, and towards the forger
	spy      *wire.Spy
	truth    map[string]map[string]string // by place and address
}

// TestMatrixRouted is TestMatrix for interfaces that are on no bridge. What the
// forger sends ends at the host or is forwarded by it, so what passes is what
// the host's IP and ARP take.
func TestMatrixRouted(t *testing.T) {
	m := newRouters(t)
	for _, s := range settings {
		m.applyText(t, s.name, routedText(s))
		for _, target := range []place{m.victim, m.lan} {
			t.Run(s.name+" to "+target.name, func(t *testing.T) {
				m.sends(t, target, s.nic())
				m.works(t, target, s.nic())
			})
		}
	}
	m.counts(t)
}

func newRouters(t *testing.T) routers {
	t.Helper()
	w, err := newWorld(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	m := routers{matrix: matrix{world: w}}
	for _, line := range []string{
		"ip link add lan type bridge", "ip address add 10.132.0.1/24 dev lan", "ip address add fd42:32::1/64 dev lan nodad", "ip link set lan up",
	} {
		m.must(t, strings.Fields(line)...)
	}
	m.applyText(t, "all", routedText(settings[len(settings)-1]))
	m.lan = m.place(t, "host", w.pid, "lan", "10.132.0.1", "fd42:32::1")
	m.end = m.place(t, "host's end", w.pid, m.device(t, four2), "10.132.0.1", "fd42:32::1")
	other := m.place(t, "host's other end", w.pid, m.device(t, "10.132.0.3"), "10.132.0.1", "fd42:32::1")
	m.forger = m.place(t, "forger", m.init(t, "forger"), "eth0", four2, six2)
	m.victim = m.place(t, "victim", m.init(t, "victim"), "eth0", "10.132.0.3", "fd42:32::3")
	m.host = other
	at := func(s wire.Station) map[string]string {
		return map[string]string{s.IPv4: s.MAC, s.IPv6: s.MAC, s.Local(): s.MAC}
	}
	m.truth = map[string]map[string]string{
		m.end.name: at(m.forger.station), other.name: at(m.victim.station),
		m.victim.name: {"169.254.0.1": other.station.MAC, "fe80::1": other.station.MAC},
	}
	for _, p := range []place{m.end, other, m.victim} {
		m.inside(t, p, "", "sysctl", "-q", "-w", "net.ipv4.neigh."+p.device+".locktime=-100")
		m.settles(t, p)
	}
	m.settles(t, m.forger)
	if m.spy, err = wire.NewSpy(w.pid, m.end.device); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.spy.End(w.pid); err != nil {
			t.Error(err)
		}
	})
	return m
}

// device is the host's end of who has an address.
func (m routers) device(t *testing.T, address string) string {
	t.Helper()
	words := strings.Fields(m.must(t, "ip", "-o", "route", "get", address))
	for i, w := range words[:len(words)-1] {
		if w == "dev" {
			return words[i+1]
		}
	}
	t.Fatalf("no way to %s: %v", address, words)
	return ""
}

// sends sends every frame that the host may take, and compares the neighbours
// before and after.
func (m routers) sends(t *testing.T, target place, n resource.NIC) {
	to, other := target.station, m.victim.station
	to.MAC = m.end.station.MAC // the next hop, whoever it is for
	if target.name == m.victim.name {
		other = m.lan.station
	}
	s := wire.Scene{Sender: m.forger.station, Target: to, Other: other, IPv4Prefix: "10.132.0.", IPv6Prefix: "fd42:32::"}
	m.tell(t)
	tried, believed := 0, 0
	var lies []wire.Frame
	for _, f := range s.Frames() {
		if !f.Routed() {
			continue
		}
		tried++
		if f.Lie && f.Passes(n) {
			lies = append(lies, f)
			continue
		}
		m.send(t, s, f, n)
	}
	if wrong := m.wrong(t); len(wrong) > 0 {
		t.Errorf("believed: %v", wrong)
	}
	for _, f := range lies {
		m.send(t, s, f, n)
		believed += len(m.wrong(t))
		m.tell(t)
	}
	if tried < 40 || !n.Filter.Any() && believed == 0 {
		t.Errorf("%d frames, %d lies believed: this test can't tell anything", tried, believed)
	}
}

// send sends one frame and checks whether the host takes it. What the container
// says by itself meanwhile counts, too: of what is stopped no frame of several does.
func (m routers) send(t *testing.T, s wire.Scene, f wire.Frame, n resource.NIC) {
	t.Helper()
	passes := f.Passes(n)
	got, err := m.spy.Takes(m.forger.wire, f.Bytes, m.spy.Last(s, n.IPv4 != ""))
	for again := 0; err == nil && got && !passes && again < 3; again++ {
		got, err = m.spy.Takes(m.forger.wire, f.Bytes, m.spy.Last(s, n.IPv4 != ""))
	}
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	if got != passes {
		t.Errorf("%s: passed %v, want %v", f.Name, got, passes)
	}
}

// tell gives everybody the neighbours that there really are, and no others.
func (m routers) tell(t *testing.T) {
	t.Helper()
	for _, p := range m.told() {
		var lines strings.Builder
		fmt.Fprintf(&lines, "neigh flush dev %s\n", p.device)
		for address, mac := range m.truth[p.name] {
			fmt.Fprintf(&lines, "neigh replace %s lladdr %s dev %s nud stale\n", address, mac, p.device)
		}
		m.inside(t, p, lines.String(), "ip", "-batch", "-")
	}
}

func (m routers) told() []place { return []place{m.end, m.host, m.victim} }

// wrong are the neighbours that somebody knows and are not so.
func (m routers) wrong(t *testing.T) (list []string) {
	t.Helper()
	for _, p := range m.told() {
		known := m.neighbours(t, p)
		if len(known) < 2 {
			t.Fatalf("%s knows too few neighbours to be lied to: %v", p.name, known)
		}
		for address, mac := range known {
			if mac != "" && mac != m.truth[p.name][address] {
				list = append(list, fmt.Sprintf("at %s %s is %s", p.name, address, mac))
			}
		}
	}
	return list
}

// works has the forger be honest for once: each family reaches the other
// container and the host, if it has an address of it.
func (m routers) works(t *testing.T, target place, n resource.NIC) {
	m.tell(t)
	m.reaches(t, target, n)
}

// pings has the forger ask somebody. What must answer has time: a busy machine
// is no closed door.
func (m matrix) pings(address string, expected bool) (string, bool) {
	wait := "1"
	if expected {
		wait = "10"
	}
	out, err := exec.Command("nsenter", "-t", strconv.Itoa(m.forger.pid), "-n", "ping", "-c1", "-W"+wait, address).CombinedOutput()
	return string(out), err == nil
}
