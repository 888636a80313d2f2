package egress

import (
	"fmt"
	"net/netip"
	"slices"
	"strake/reconcile/resource"
	"strings"
)

// pattern is one entry of allow or deny.
type pattern struct {
	text   string
	host   string       // exact
	below  string       // ".debian.org"
	prefix netip.Prefix // an address is one of full length
}

func parsePattern(text string) (pattern, error) {
	wrong := fmt.Errorf("%q %w", text, ErrRule)
	if p, err := netip.ParsePrefix(text); err == nil {
		return pattern{text: text, prefix: p.Masked()}, nil
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return pattern{text: text, prefix: netip.PrefixFrom(a, a.BitLen())}, nil
	}
	name, below := strings.CutPrefix(text, "*.")
	s, err := parseSite(name)
	switch {
	case err != nil || s.addr.IsValid():
		return pattern{}, wrong
	case below:
		return pattern{text: text, below: "." + s.name}, nil
	}
	return pattern{text: text, host: s.name}, nil
}

func (p pattern) site(s site) bool {
	switch {
	case s.addr.IsValid():
		return p.address(s.addr)
	case p.below != "":
		return strings.HasSuffix(s.name, p.below) && len(s.name) > len(p.below)
	}
	return p.host != "" && p.host == s.name
}

// address says whether the entry lists an address: never by a name.
func (p pattern) address(a netip.Addr) bool {
	return p.prefix.IsValid() && p.prefix.Contains(a.Unmap().WithZone(""))
}

func (p pattern) single() bool { return p.prefix.IsValid() && p.prefix.IsSingleIP() }

// block is one egress block as rules.
type block struct {
	name        string
	allow, deny []pattern
	ports       []int
	report      bool
	upstream    *upstream
}

// policy is all that holds for one container. It is never changed.
type policy struct {
	blocks []block
	limits resource.EgressLimits
}

func newPolicy(blocks []resource.Egress, passwords map[string]string) (*policy, error) {
	p := &policy{}
	for _, e := range blocks {
		b, err := newBlock(e, passwords[e.Name])
		if err != nil {
			return nil, fmt.Errorf("egress %q: %w", e.Name, err)
		}
		p.blocks = append(p.blocks, b)
		p.limits = tightest(p.limits, e.Limits)
	}
	return p, nil
}

func newBlock(e resource.Egress, password string) (block, error) {
	b := block{name: e.Name, ports: e.Ports, report: e.Mode == "report"}
	for _, list := range []struct {
		from []string
		to   *[]pattern
	}{{e.Allow, &b.allow}, {e.Deny, &b.deny}} {
		for _, text := range list.from {
			p, err := parsePattern(text)
			if err != nil {
				return block{}, err
			}
			*list.to = append(*list.to, p)
		}
	}
	if e.Mode != "report" && e.Mode != "enforce" {
		return block{}, fmt.Errorf("mode %q %w", e.Mode, ErrRule)
	}
	if e.Upstream == "" {
		return b, nil
	}
	var err error
	b.upstream, err = newUpstream(e.Upstream, e.UpstreamUser, password)
	return b, err
}

func tightest(a, b resource.EgressLimits) resource.EgressLimits {
	return resource.EgressLimits{
		Connections: least(a.Connections, b.Connections),
		Rate:        least(a.Rate, b.Rate),
		Daily:       least(a.Daily, b.Daily),
		Idle:        least(a.Idle, b.Idle),
	}
}

// least of two limits, of which 0 is none.
func least[T ~int | ~int64](a, b T) T {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// judgement of a request or of an address.
type judgement struct {
	verdict Verdict // Allowed, Refused or Reported
	rule    string
	block   *block // whose allow it was; nil: none
}

// site judges what a request names.
func (p *policy) site(s site, port int) judgement {
	noted := judgement{}
	for i := range p.blocks {
		b := &p.blocks[i]
		if d := find(b.deny, func(p pattern) bool { return p.site(s) }); d != nil {
			j := judgement{Refused, b.name + ": deny " + d.text, nil}
			if !b.report {
				return j
			}
			noted = judgement{Reported, j.rule, b}
		}
	}
	if noted.verdict != "" {
		return noted
	}
	rule := "no rule allows it"
	var report *block
	for i := range p.blocks {
		b := &p.blocks[i]
		if b.report && report == nil {
			report = b
		}
		a := find(b.allow, func(p pattern) bool { return p.site(s) })
		switch {
		case a == nil:
		case !slices.Contains(b.ports, port):
			rule = fmt.Sprintf("%s: %s, but not port %d", b.name, a.text, port)
		default:
			return judgement{Allowed, b.name + ": " + a.text, b}
		}
	}
	if report != nil {
		return judgement{Reported, rule, report}
	}
	return judgement{Refused, rule, nil}
}

// address judges an address that a name led to, or that was asked for itself,
// after the site was let through. isOwn says whether it is the host's; it asks
// the kernel, so it is called only where that makes a difference.
func (p *policy) address(a netip.Addr, port int, isOwn func(netip.Addr) bool, named judgement) judgement {
	a = a.Unmap()
	for i := range p.blocks {
		b := &p.blocks[i]
		if d := find(b.deny, func(p pattern) bool { return p.address(a) }); d != nil {
			if !b.report {
				return judgement{Refused, b.name + ": deny " + d.text, nil}
			}
			named = judgement{Reported, b.name + ": deny " + d.text, b}
		}
	}
	k := kindOf(a)
	if p.lists(a, port, own) {
		return named // by itself, whatever it is
	}
	if !k.unsafe() && isOwn(a) {
		k = own
	}
	if k == public || p.lists(a, port, k) {
		return named
	}
	rule := fmt.Sprintf("%s address %s", k, a)
	for i := range p.blocks {
		if b := &p.blocks[i]; b.report && !k.unsafe() {
			return judgement{Reported, rule, b}
		}
	}
	return judgement{Refused, rule, nil}
}

// lists says whether an allow list has the address: itself, or a prefix where
// it is only private.
func (p *policy) lists(a netip.Addr, port int, k kind) bool {
	return slices.ContainsFunc(p.blocks, func(b block) bool {
		return slices.Contains(b.ports, port) && find(b.allow, func(p pattern) bool {
			return p.address(a) && (p.single() || !k.unsafe())
		}) != nil
	})
}

func find(list []pattern, f func(pattern) bool) *pattern {
	if i := slices.IndexFunc(list, f); i >= 0 {
		return &list[i]
	}
	return nil
}

// reports says whether one of the blocks only reports.
func (p *policy) reports() bool {
	return slices.ContainsFunc(p.blocks, func(b block) bool { return b.report })
}
