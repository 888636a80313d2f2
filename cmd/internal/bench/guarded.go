package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/host/filter"
	"strake/reconcile/host/hosttest/wire"
	"strake/reconcile/resource"
)

// crowd is how many interfaces the firewall has to hold in rows 9 and 10.
const crowd = 1000

// trips is how many round trips one sample is the mean of.
const trips = 10_000

// guarded are rows 9 and 10: a bridge with very many interfaces on it, two of
// which speak with each other.
func (y *yard) guarded() ([]row, error) {
	g, err := newStreet(filepath.Join(y.Dir, "firewall.lock"))
	if err != nil {
		return nil, err
	}
	defer g.end()
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // the garbage is strake's
	whole := figure{What: "one transaction", Unit: "s"}
	one, many := figure{What: "1 interface", Unit: "s"}, figure{What: "1,000 interfaces", Unit: "s"}
	none, lxd := figure{What: "no filter", Unit: "s"}, figure{What: "1,000 times chains of an interface's own, as LXD has them", Unit: "s"}
	err = y.repeat(func(int) error {
		return g.round(func(set func(n int) error) error {
			if err := y.sample(&none, g.trip); err != nil {
				return err
			}
			if err := set(1); err != nil {
				return err
			}
			if err := y.sample(&one, g.trip); err != nil {
				return err
			}
			if err := y.sample(&whole, func() (time.Duration, error) { return clocked(func() error { return set(crowd) }) }); err != nil {
				return err
			}
			return y.sample(&many, g.trip)
		}, func() error { return y.sample(&lxd, g.trip) })
	})
	return []row{{
		Number: 9, Work: "filters of 1,000 interfaces, beside that of one", Must: "<= 50 ms", Strake: []figure{whole},
		Checks: []check{{What: "time", Is: 1000 * whole.median(), Limit: 50, Unit: "ms", Known: whole.measured()}},
	}, {
		Number: 10, Work: "round trip of a datagram between two of 1,000 filtered interfaces on a bridge", Must: "<= 1.1 x with 1 filtered", Strake: []figure{many, one},
		Beside: []figure{none, lxd}, Checks: []check{ratio("of 1 filtered", many, one, 1.1)},
	}}, err
}

func clocked(f func() error) (time.Duration, error) {
	begin := time.Now()
	err := f()
	return time.Since(begin), err
}

// street is a bridge with everybody on it, and the first two's sockets.
type street struct {
	filter *filter.Filter
	all    resource.Guard
	homes  []*exec.Cmd // processes that hold a network namespace
	socket [2]int
}

func newStreet(lock string) (*street, error) {
	s := &street{filter: filter.Open(filter.Options{Table: "strake-bench", Lock: lock})}
	s.all.Networks = []resource.Network{{Name: "street", Bridge: "sttstreet", IPv4: "10.240.0.1/16", IPv6: "fd40::1/64"}}
	for i := range crowd {
		s.all.NICs = append(s.all.NICs, resource.NIC{
			Name: "eth0", Type: "bridged", Bridge: "sttstreet", Device: fmt.Sprintf("stts%d", i), MAC: fmt.Sprintf("02:00:00:40:%02x:%02x", i>>8, i&255),
			IPv4: fmt.Sprintf("10.240.%d.%d/16", 1+i>>8, i&255), IPv6: fmt.Sprintf("fd40::1:%x/64", i), Filter: resource.Filter{MAC: true, IPv4: true, IPv6: true},
		})
	}
	err := s.build()
	if err == nil {
		err = s.settle()
	}
	if err != nil {
		s.end()
	}
	return s, err
}

// build makes the bridge and all interfaces. Their IPv6 is off: a thousand of
// them would talk to each other for seconds.
func (s *street) build() error {
	var b strings.Builder
	b.WriteString("link add sttstreet type bridge\naddress add 10.240.0.1/16 dev sttstreet\nlink set sttstreet up\n")
	for i, n := range s.all.NICs {
		fmt.Fprintf(&b, "link add %s type veth peer name sttp%d address %s\nlink set %s master sttstreet up\n", n.Device, i, n.MAC, n.Device)
	}
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0); err != nil {
		return err
	}
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(b.String())
	return quiet(cmd)
}

// settle moves the first two into networks of their own.
func (s *street) settle() error {
	for i, n := range s.all.NICs[:2] {
		home := exec.Command("sleep", "infinity")
		home.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
		if err := home.Start(); err != nil {
			return err
		}
		s.homes = append(s.homes, home)
		pid, peer := fmt.Sprint(home.Process.Pid), fmt.Sprintf("sttp%d", i)
		for _, args := range [][]string{
			{"ip", "link", "set", peer, "netns", pid},
			{"nsenter", "-t", pid, "-n", "ip", "address", "add", n.IPv4, "dev", peer},
			{"nsenter", "-t", pid, "-n", "ip", "link", "set", peer, "up"},
		} {
			if err := quiet(exec.Command(args[0], args[1:]...)); err != nil {
				return err
			}
		}
		if err := s.connect(i, home.Process.Pid); err != nil {
			return err
		}
	}
	return nil
}

// connect opens a socket of one of the two for the other.
func (s *street) connect(i, pid int) error {
	own, other := netip.MustParsePrefix(s.all.NICs[i].IPv4).Addr().As4(), netip.MustParsePrefix(s.all.NICs[1-i].IPv4).Addr().As4()
	return wire.Inside(pid, func() (err error) {
		if s.socket[i], err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if err := unix.SetsockoptTimeval(s.socket[i], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 2}); err != nil {
			return err
		}
		if err := unix.Bind(s.socket[i], &unix.SockaddrInet4{Port: 4040, Addr: own}); err != nil {
			return err
		}
		return unix.Connect(s.socket[i], &unix.SockaddrInet4{Port: 4040, Addr: other})
	})
}

// trip is the mean of many round trips. One thread sends and receives for
// both, so that what is measured is the way and not the scheduler.
func (s *street) trip() (time.Duration, error) {
	message, buf := []byte("there and back"), make([]byte, 64)
	pass := func() error {
		for i := range 2 {
			if _, err := unix.Write(s.socket[i], message); err != nil {
				return err
			}
			if n, err := unix.Read(s.socket[1-i], buf); err != nil || n != len(message) {
				return fmt.Errorf("a datagram did not arrive: %w", err)
			}
		}
		return nil
	}
	if err := pass(); err != nil { // neighbours are asked for on the way
		return 0, err
	}
	took, err := clocked(func() error {
		for range trips {
			if err := pass(); err != nil {
				return err
			}
		}
		return nil
	})
	return took / trips, err
}

// round has strake's filters measured, and then the others' shape.
func (s *street) round(ours func(set func(n int) error) error, theirs func() error) error {
	ctx := context.Background()
	err := ours(func(n int) error {
		g := s.all
		g.NICs = g.NICs[:n]
		return s.filter.Set(ctx, g)
	})
	if err == nil {
		err = s.filter.Remove(ctx)
	}
	if err != nil {
		return err
	}
	chains := exec.Command("nft", "-f", "-")
	chains.Stdin = strings.NewReader(chainsOf(s.all.NICs))
	if err := quiet(chains); err != nil {
		return err
	}
	if err := theirs(); err != nil {
		return err
	}
	return quiet(exec.Command("nft", "delete", "table", "bridge", "lxd-bench"))
}

// chainsOf has base chains of each interface, with the rules of LXD 5 in them
// (internal/server/firewall/drivers/drivers_nftables_templates.go).
func chainsOf(nics []resource.NIC) string {
	var b strings.Builder
	b.WriteString("table bridge lxd-bench {\n")
	for i, n := range nics {
		for hook, name := range map[string]string{"input": "in", "forward": "fwd"} {
			fmt.Fprintf(&b, "chain %s.c%d.eth0 { type filter hook %s priority -200; policy accept;\n", name, i, hook)
			for _, rule := range []string{
				"ether saddr != " + n.MAC + " drop",
				"ether type arp arp saddr ether != " + n.MAC + " drop",
				"ether type arp arp saddr ip != " + bare(n.IPv4) + " drop",
				"ether type ip ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp dport 67 accept",
				"ether type ip ip saddr != " + bare(n.IPv4) + " drop",
				"ether type ip6 ip6 saddr != " + bare(n.IPv6) + " drop",
				"ether type ip6 icmpv6 type 134 drop",
			} {
				fmt.Fprintf(&b, "iifname \"%s\" %s\n", n.Device, rule)
			}
			b.WriteString("}\n")
		}
	}
	return b.String() + "}\n"
}

func bare(prefix string) string { return netip.MustParsePrefix(prefix).Addr().String() }

// end takes all away again: the rows after it want the machine to themselves.
func (s *street) end() {
	for _, home := range s.homes {
		_ = home.Process.Kill()
		_ = home.Wait()
	}
	_ = quiet(exec.Command("ip", "link", "delete", "sttstreet"))
	var b strings.Builder
	for _, n := range s.all.NICs {
		fmt.Fprintf(&b, "link delete %s\n", n.Device)
	}
	cmd := exec.Command("ip", "-force", "-batch", "-")
	cmd.Stdin = strings.NewReader(b.String())
	_ = quiet(cmd)
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("0"), 0)
}
