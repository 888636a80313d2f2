package netdev

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// A neighbour that is there answers within a few milliseconds; one that sleeps
// may take longer. Two questions, for one that gets lost.
const (
	probeTime = 300 * time.Millisecond
	probes    = 2
)

// Probe asks on the host's interfaces whether somebody has the addresses
// already, all at a time, and returns who does. An interface that is not there
// or down has no neighbours.
func (d *Devices) Probe(ctx context.Context, asked []resource.Probe) ([]resource.Taken, error) {
	byLink := map[string][]netip.Addr{}
	for _, p := range asked {
		byLink[p.Link] = append(byLink[p.Link], p.Address)
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	var list []resource.Taken
	var errs []error
	for link, addresses := range byLink {
		group.Go(func() {
			found, err := d.probe(ctx, link, addresses)
			mu.Lock()
			defer mu.Unlock()
			list = append(list, found...)
			if err != nil {
				errs = append(errs, fmt.Errorf("ask the neighbours on %s: %w", link, err))
			}
		})
	}
	group.Wait()
	return list, errors.Join(errs...)
}

func (d *Devices) probe(ctx context.Context, link string, addresses []netip.Addr) ([]resource.Taken, error) {
	l, err := find(d.host, link)
	if err != nil || l == nil || l.Attrs().Flags&net.FlagUp == 0 || len(l.Attrs().HardwareAddr) != 6 {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL)))
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: l.Attrs().Index}); err != nil {
		return nil, err
	}
	found := map[netip.Addr]string{}
	for range probes {
		for _, a := range addresses {
			frame := question(l.Attrs().HardwareAddr, a)
			if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: l.Attrs().Index}); err != nil {
				return nil, err
			}
		}
		if err := hear(ctx, fd, probeTime/probes, addresses, found); err != nil {
			return nil, err
		}
	}
	var list []resource.Taken
	for a, mac := range found {
		list = append(list, resource.Taken{Probe: resource.Probe{Link: link, Address: a}, MAC: mac})
	}
	return list, nil
}

func htons(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// hear notes whose answers arrive until the time is over, or all have answered.
func hear(ctx context.Context, fd int, d time.Duration, asked []netip.Addr, found map[netip.Addr]string) error {
	end := time.Now().Add(d)
	for len(found) < len(asked) {
		left := time.Until(end)
		if left <= 0 || ctx.Err() != nil {
			return ctx.Err()
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return err
		}
		b := make([]byte, 256)
		size, from, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
		if err != nil {
			continue
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if a, mac, ok := answer(b[:size]); ok {
			for _, want := range asked {
				if want == a {
					found[a] = mac
				}
			}
		}
	}
	return nil
}

// question asks for an address without claiming one: an ARP probe (RFC 5227,
// 2.1.1), or a neighbour solicitation as in duplicate address detection (RFC 4862, 5.4.2).
func question(mac net.HardwareAddr, a netip.Addr) []byte {
	if a.Is4() {
		b := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, mac...)
		b = append(b, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1)
		b = append(append(b, mac...), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		return append(b, a.AsSlice()...)
	}
	ip := a.As16()
	to := []byte{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ip[13], ip[14], ip[15]}
	message := append([]byte{135, 0, 0, 0, 0, 0, 0, 0}, ip[:]...)
	binary.BigEndian.PutUint16(message[2:], checksum6(make([]byte, 16), to, message))
	b := append([]byte{0x33, 0x33, 0xff, ip[13], ip[14], ip[15]}, mac...)
	b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0, 0, byte(len(message)), 58, 255)
	return append(append(append(b, make([]byte, 16)...), to...), message...)
}

// checksum6 is that of ICMPv6, over the pseudo-header too (RFC 8200, 8.1).
func checksum6(from, to, message []byte) uint16 {
	var sum uint32
	all := append(append(append([]byte{}, from...), to...), 0, 0, 0, byte(len(message)), 0, 0, 0, 58)
	all = append(all, message...)
	for i := 0; i+1 < len(all); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(all[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// answer is who says in a frame that an address is its own: the sender of any
// ARP message that has one, or of a neighbour advertisement.
func answer(b []byte) (a netip.Addr, mac string, ok bool) {
	switch {
	case len(b) >= 42 && b[12] == 0x08 && b[13] == 0x06:
		a, ok = netip.AddrFromSlice(b[28:32])
		return a, net.HardwareAddr(b[22:28]).String(), ok && !a.IsUnspecified()
	case len(b) >= 78 && b[12] == 0x86 && b[13] == 0xdd && b[20] == 58 && b[54] == 136:
		a, ok = netip.AddrFromSlice(b[62:78])
		return a, net.HardwareAddr(b[6:12]).String(), ok
	}
	return netip.Addr{}, "", false
}
