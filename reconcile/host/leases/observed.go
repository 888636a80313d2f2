package leases

import (
	"context"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"strake/reconcile/resource"
)

// Observe tells what is served, by bridge. Where nobody runs, or for a bridge
// that is gone, nothing is served, whatever was written.
func (l *Leases) Observe(ctx context.Context) ([]resource.Served, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	places, err := l.places()
	var list []resource.Served
	for _, p := range places {
		list = append(list, p.observe())
	}
	return list, err
}

func (p place) observe() resource.Served {
	s := resource.Served{Network: resource.Network{Bridge: p.bridge}, Leases: p.leases()}
	last, ok := p.read()
	s.Guests, s.Intact = last.Guests, ok && p.intact(last)
	link, err := net.InterfaceByName(p.bridge)
	if err != nil {
		return s
	}
	want := "--pid-file=" + p.pidFile(link.Index)
	for _, d := range p.daemons() {
		if slices.Contains(d.args, want) {
			s.Network = told(d.args)
		}
		d.close()
	}
	return s
}

// leases reads dnsmasq's own record: expiry, MAC, address, name, client's id; of
// DHCPv6, after a line that begins with "duid", not the MAC but another number.
func (p place) leases() []resource.Lease {
	text, _ := os.ReadFile(p.file("leases")) // none: nobody asked yet
	var list []resource.Lease
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 4 || words[0] == "duid" {
			continue
		}
		until, err := strconv.ParseInt(words[0], 10, 64)
		if _, bad := net.ParseMAC(words[1]); err != nil || bad != nil {
			continue
		}
		list = append(list, resource.Lease{MAC: words[1], IP: words[2], Expires: until})
	}
	return list
}
