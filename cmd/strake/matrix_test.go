package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"strake/reconcile/host/hosttest/wire"
	"strake/reconcile/resource"
)

// setting is one way to filter the interface of the container that forges.
type setting struct {
	name       string
	ipv4, ipv6 string
	filter     resource.Filter
}

const four, six = "10.131.0.2", "fd42:31::2"

// settings are all ways that differ. A filter of addresses is one of MACs, too.
var settings = []setting{
	{"off", four, six, resource.Filter{}},
	{"mac", four, six, resource.Filter{MAC: true}},
	{"ipv4", four, six, resource.Filter{IPv4: true}},
	{"ipv6", four, six, resource.Filter{IPv6: true}},
	{"ipv4 and ipv6", four, six, resource.Filter{IPv4: true, IPv6: true}},
	{"no ipv4", "none", six, resource.Filter{MAC: true, IPv4: true, IPv6: true}},
	{"no ipv6", four, "none", resource.Filter{MAC: true, IPv4: true, IPv6: true}},
	{"all", four, six, resource.Filter{MAC: true, IPv4: true, IPv6: true}},
}

// nic is the interface as the guard has to see it.
func (s setting) nic() resource.NIC {
	n := resource.NIC{Device: "guarded", IPv4: s.ipv4, IPv6: s.ipv6, Filter: s.filter}
	if n.IPv4 == "none" {
		n.IPv4 = ""
	}
	if n.IPv6 == "none" {
		n.IPv6 = ""
	}
	return n
}

func (s setting) text() string {
	return fmt.Sprintf(`network "m" {
  bridge      = "st-matrix"
  ipv4        = "10.131.0.1/24"
  ipv6        = "fd42:31::1/64"
  host_access = true
}

container "forger" {
  nic "eth0" {
    network = network.m
    mac     = "02:00:00:00:31:02"
    ipv4    = %q
    ipv6    = %q
    filter {
      mac  = %v
      ipv4 = %v
      ipv6 = %v
    }
  }
}

container "victim" {
  nic "eth0" {
    network = network.m
    mac     = "02:00:00:00:31:03"
    ipv4    = "10.131.0.3"
    ipv6    = "fd42:31::3"
  }
}
`, s.ipv4, s.ipv6, s.filter.MAC, s.filter.IPv4, s.filter.IPv6)
}

// place is where frames arrive: an interface, and who is there.
type place struct {
	name    string
	pid     int
	device  string
	station wire.Station
	wire    wire.Wire
}

// matrix is a pair of containers on a bridge, and their host.
type matrix struct {
	world
	forger, victim, host place
	rightful             map[string]string // MACs by address
}

// TestMatrix has a container send every frame under every setting of its
// filter, to another container and to the host. What is forged stops where
// the filter for it is on, and passes where it is not; and who was lied to
// knows its neighbours as before, or, where nothing stops the lie, believes it.
func TestMatrix(t *testing.T) {
	m := newMatrix(t)
	for _, s := range settings {
		m.apply(t, s)
		for _, target := range []place{m.victim, m.host} {
			t.Run(s.name+" to "+target.name, func(t *testing.T) {
				m.sends(t, target, s.nic())
				m.worksAs(t, target, s.nic())
			})
		}
	}
	m.flush(t)
	m.counts(t)
}

// counts: what was dropped is told of who sent it, and is no drift.
func (m matrix) counts(t *testing.T) {
	r := m.strake(nil, "status", "--json")
	var status struct {
		Containers []struct {
			Name    string
			Refused []struct {
				NIC           string
				Frames, Bytes int
			}
		}
	}
	if err := json.Unmarshal([]byte(r.out), &status); err != nil || r.code != 0 {
		t.Fatalf("status: %v\n%s", err, r.out)
	}
	for _, c := range status.Containers {
		if len(c.Refused) != 1 || c.Refused[0].NIC != "eth0" {
			t.Fatalf("refused of %s: %+v", c.Name, c.Refused)
		}
		if forged := c.Refused[0].Frames > 50 && c.Refused[0].Bytes > 1000; forged != (c.Name == "forger") {
			t.Errorf("refused of %s: %+v", c.Name, c.Refused)
		}
	}
	if r := m.strake(nil, "plan", "--detailed-exitcode", "m.hcl"); len(status.Containers) != 2 || r.code != 0 {
		t.Errorf("%d containers; plan exits %d\n%s", len(status.Containers), r.code, r.out)
	}
}

// flush takes the firewall away as a whole: everything passes, the plan says
// so, and apply mends it.
func (m matrix) flush(t *testing.T) {
	all := settings[len(settings)-1]
	m.must(t, "nft", "flush", "ruleset")
	t.Run("without a firewall", func(t *testing.T) {
		m.sends(t, m.victim, resource.NIC{})
		m.sends(t, m.host, resource.NIC{})
		if r := m.strake(nil, "plan", "--detailed-exitcode", "m.hcl"); r.code != 2 {
			t.Errorf("plan exits %d\n%s", r.code, r.out)
		}
	})
	m.apply(t, all)
	t.Run("mended", func(t *testing.T) {
		m.sends(t, m.victim, all.nic())
		m.sends(t, m.host, all.nic())
	})
}

func newMatrix(t *testing.T) matrix {
	t.Helper()
	w, err := newWorld(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	m := matrix{world: w}
	m.apply(t, settings[len(settings)-1])
	// With br_netfilter the kernel cuts a frame to its IP length, marker and all.
	for _, s := range []string{"iptables", "ip6tables", "arptables"} {
		m.must(t, "sysctl", "-q", "-w", "net.bridge.bridge-nf-call-"+s+"=0")
	}
	m.host = m.place(t, "host", w.pid, "st-matrix", "10.131.0.1", "fd42:31::1")
	m.forger = m.place(t, "forger", m.init(t, "forger"), "eth0", four, six)
	m.victim = m.place(t, "victim", m.init(t, "victim"), "eth0", "10.131.0.3", "fd42:31::3")
	m.rightful = map[string]string{"fe80::1": m.host.station.MAC}
	for _, p := range []place{m.host, m.forger, m.victim} {
		for _, address := range []string{p.station.IPv4, p.station.IPv6, p.station.Local()} {
			m.rightful[address] = p.station.MAC
		}
		// An answer to a question that nobody asked counts at once: less than
		// zero, as the kernel wants more than this time to have gone by.
		m.inside(t, p, "", "sysctl", "-q", "-w", "net.ipv4.neigh."+p.device+".locktime=-100")
		m.settles(t, p)
	}
	return m
}

func (m matrix) place(t *testing.T, name string, pid int, device, ipv4, ipv6 string) place {
	t.Helper()
	p := place{name, pid, device, wire.Station{IPv4: ipv4, IPv6: ipv6}, wire.Wire{}}
	var err error
	if p.wire, err = wire.Open(pid, device); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.wire.Close)
	err = wire.Inside(pid, func() error {
		link, err := net.InterfaceByName(device)
		if err == nil {
			p.station.MAC = link.HardwareAddr.String()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// apply has strake bring the interface to a setting, in the running container.
func (m matrix) apply(t *testing.T, s setting) {
	t.Helper()
	m.applyText(t, s.name, s.text())
}

func (m matrix) applyText(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, "m.hcl"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"apply", "-y", "m.hcl"}, {"plan", "--detailed-exitcode", "m.hcl"}} {
		if r := m.strake(nil, args...); r.code != 0 {
			t.Fatalf("%s: strake %s exits %d\n%s", name, strings.Join(args, " "), r.code, r.out)
		}
	}
}

func (m matrix) init(t *testing.T, container string) int {
	t.Helper()
	out := m.must(t, "lxc-info", "-P", filepath.Join(m.dir, "lxc"), "-n", container, "-p", "-H")
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// must runs a command of the host.
func (m matrix) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.command(args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// inside runs a command of the host where p is.
func (m matrix) inside(t *testing.T, p place, stdin string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(p.pid), "-n"}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %s: %v\n%s", p.name, strings.Join(args, " "), err, out)
	}
	return out
}

// sends sends every frame and compares the neighbours before and after.
func (m matrix) sends(t *testing.T, target place, n resource.NIC) {
	s := wire.Scene{
		Sender: m.forger.station, Target: target.station, Other: m.victim.station,
		IPv4Prefix: "10.131.0.", IPv6Prefix: "fd42:31::",
	}
	if target.name == m.victim.name {
		s.Other = m.host.station
	}
	m.truths(t)
	var lies []wire.Frame
	for _, f := range s.Frames() {
		passes := f.Passes(n)
		if passes && f.Lie {
			lies = append(lies, f)
			continue
		}
		m.send(t, target, s, f, n)
	}
	for _, p := range []place{m.victim, m.host} {
		if wrong := m.lies(t, p); len(wrong) > 0 {
			t.Errorf("%s believes %v", p.name, wrong)
		}
	}
	for _, f := range lies {
		m.truths(t)
		m.send(t, target, s, f, n)
		// Said once more: what a host was told within a second counts before (locktime, arp(7)).
		if !soon(func() bool { return m.forger.wire.Send(f.Bytes) == nil && len(m.lies(t, target)) > 0 }) {
			t.Errorf("%s: %s does not believe it: this test can't tell anything", f.Name, target.name)
		}
	}
}

// send sends one frame and checks whether it arrives.
func (m matrix) send(t *testing.T, target place, s wire.Scene, f wire.Frame, n resource.NIC) {
	t.Helper()
	mark := strings.ReplaceAll(t.Name()+"/"+f.Name, " ", "-")
	for _, frame := range [][]byte{wire.Marked(f.Bytes, mark), wire.Marked(s.Last(n), "last-"+mark)} {
		if err := m.forger.wire.Send(frame); err != nil {
			t.Fatal(err)
		}
	}
	got, err := target.wire.Hears(mark, "last-"+mark)
	if err != nil {
		t.Fatal(err)
	}
	if want := f.Passes(n); got != want {
		t.Errorf("%s: passed %v, want %v", f.Name, got, want)
	}
}

// settles waits until no address is tentative any more (RFC 4862, 5.4): nobody
// speaks for such a one.
func (m matrix) settles(t *testing.T, p place) {
	t.Helper()
	if !soon(func() bool {
		return len(m.inside(t, p, "", "ip", "address", "show", "dev", p.device, "tentative")) == 0
	}) {
		t.Fatalf("addresses of %s stay tentative", p.name)
	}
}

// soon waits until something is so, for five seconds.
func soon(is func() bool) bool {
	for deadline := time.Now().Add(5 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// truths gives the victim and the host the neighbours that they really have.
func (m matrix) truths(t *testing.T) {
	t.Helper()
	for _, p := range []place{m.victim, m.host} {
		var lines strings.Builder
		for address, mac := range m.rightful {
			if mac != p.station.MAC {
				fmt.Fprintf(&lines, "neigh replace %s lladdr %s dev %s nud stale\n", address, mac, p.device)
			}
		}
		m.inside(t, p, lines.String(), "ip", "-batch", "-")
	}
}

// lies are the neighbours that have a MAC which is not their own.
func (m matrix) lies(t *testing.T, p place) (list []string) {
	t.Helper()
	known := m.neighbours(t, p)
	if len(known) < 3 {
		t.Fatalf("%s knows too few neighbours to be lied to: %v", p.name, known)
	}
	for address, mac := range known {
		if mac != "" && mac != m.rightful[address] {
			list = append(list, address+" is "+mac)
		}
	}
	return list
}

// neighbours are the MACs that a place knows, by address.
func (m matrix) neighbours(t *testing.T, p place) map[string]string {
	t.Helper()
	var list []struct{ Dst, LLAddr string }
	out := m.inside(t, p, "", "ip", "-j", "neigh", "show", "dev", p.device)
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	known := map[string]string{}
	for _, n := range list {
		known[n.Dst] = n.LLAddr
	}
	return known
}

// worksAs has the forger be honest for once, with what it has of addresses.
func (m matrix) worksAs(t *testing.T, target place, n resource.NIC) {
	m.truths(t)
	for _, address := range m.reaches(t, target, n) {
		if target.name == m.host.name {
			m.connects(t, address)
		}
	}
}

// reaches has the forger ask a place by each family, which is answered where it has
// an address of it. What comes back are the addresses by which it is.
func (m matrix) reaches(t *testing.T, target place, n resource.NIC) (list []string) {
	t.Helper()
	for _, f := range []struct {
		address string
		has     bool
	}{{target.station.IPv4, n.IPv4 != ""}, {target.station.IPv6, n.IPv6 != ""}} {
		if out, answered := m.pings(f.address, f.has); answered != f.has {
			t.Errorf("ping %s: %v, want %v\n%s", f.address, answered, f.has, out)
		}
		if f.has {
			list = append(list, f.address)
		}
	}
	return list
}

// connects opens a TCP connection from the forger to the host.
func (m matrix) connects(t *testing.T, address string) {
	t.Helper()
	var l net.Listener
	err := wire.Inside(m.host.pid, func() (err error) {
		l, err = net.Listen("tcp", net.JoinHostPort(address, "0"))
		return err
	})
	if err == nil {
		defer l.Close()
		err = wire.Inside(m.forger.pid, func() error {
			c, err := net.Dial("tcp", l.Addr().String())
			if err == nil {
				c.Close()
			}
			return err
		})
	}
	if err != nil {
		t.Errorf("tcp: %v", err)
	}
}
