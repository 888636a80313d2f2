package netdev

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"strake/reconcile/resource"
)

// published are the known ports, if the host forwards at all. Where to is the
// firewall's to tell.
func (d *Devices) published(n resource.NIC, known []resource.Publish) ([]resource.Publish, error) {
	if len(known) == 0 {
		return nil, nil
	}
	on, err := d.forwards(n.Device)
	if !on {
		return nil, err
	}
	return known, nil
}

// Listeners are the ports of the host that a program of its own takes
// connections or datagrams at, but for those on loopback addresses alone:
// "tcp 80".
func (d *Devices) Listeners(ctx context.Context) (map[string]bool, error) {
	all := map[string]bool{}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := taken(table, all); err != nil {
			return nil, fmt.Errorf("list ports of the host: %w", err)
		}
	}
	return all, nil
}

// listening are the states in proc(5)'s tables: TCP_LISTEN, and for datagrams
// one without a peer (TCP_CLOSE).
var listening = map[string]string{"tcp": "0A", "udp": "07"}

// taken adds the ports of one table. The kernel shows the network namespace of
// whoever opens it.
func taken(table string, all map[string]bool) error {
	f, err := os.Open("/proc/thread-self/net/" + table)
	if errors.Is(err, os.ErrNotExist) {
		return nil // a kernel without IPv6
	}
	if err != nil {
		return err
	}
	defer f.Close()
	protocol := strings.TrimSuffix(table, "6")
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 4 || words[3] != listening[protocol] {
			continue
		}
		if ip, port, ok := parseLocal(words[1]); ok && !ip.IsLoopback() {
			all[protocol+" "+strconv.Itoa(port)] = true
		}
	}
	return lines.Err()
}

// parseLocal reads an address as the kernel prints it: words of 32 bits in the
// machine's own order, all in hexadecimal digits.
func parseLocal(text string) (netip.Addr, int, bool) {
	digits, end, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(digits)
	port, err2 := strconv.ParseUint(end, 16, 16)
	if err != nil || err2 != nil || len(raw)%4 != 0 {
		return netip.Addr{}, 0, false
	}
	if littleEndian() {
		for word := range slices.Chunk(raw, 4) {
			slices.Reverse(word)
		}
	}
	ip, ok := netip.AddrFromSlice(raw)
	return ip.Unmap(), int(port), ok
}

func littleEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }
