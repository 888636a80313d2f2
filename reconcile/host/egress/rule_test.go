package egress

import (
	"bufio"
	"errors"
	"net/http"
	"net/netip"
	"strake/reconcile/resource"
	"strconv"
	"strings"
	"testing"
	"testing/quick"
)

func TestSites(t *testing.T) {
	for text, want := range map[string]string{
		"deb.debian.org": "deb.debian.org", "DEB.Debian.ORG.": "deb.debian.org", "bücher.example": "xn--bcher-kva.example",
		"BÜCHER.example": "xn--bcher-kva.example", "a。b": "a.b", "_dmarc.example.org": "_dmarc.example.org", "localhost": "localhost",
		"127.0.0.1": "127.0.0.1", "127.1": "127.0.0.1", "2130706433": "127.0.0.1", "0x7f000001": "127.0.0.1", "0x7F.1": "127.0.0.1",
		"0177.0.0.01": "127.0.0.1", "127.0.0.1.": "127.0.0.1", "１２７.0.0.1": "127.0.0.1",
		"[::1]": "::1", "[::ffff:127.0.0.1]": "127.0.0.1", "[::ffff:7f00:1]": "127.0.0.1", "[0:0:0:0:0:0:0:1]": "::1", "0": "0.0.0.0",
		"": "", ".": "", "a..b": "", "-a.b": "", "a b": "", "a/b": "", "a@b": "", "a%2eb": "", "::1": "", "[fe80::1%eth0]": "", "[127.0.0.1]": "",
		"1.2.3.4.5": "", "256.1.1.1": "", "1.2.3.256": "", "08.1.1.1": "", "0x": "", "a.0x1": "", "foo.123": "", "0b1.1": "", "1_0.1": "", "4294967296": "",
		strings.Repeat("a", 64) + ".b": "",
	} {
		s, err := parseSite(text)
		if err != nil && want != "" || err == nil && s.name != want {
			t.Errorf("%q is read as %q (%v), want %q", text, s.name, err, want)
		}
	}
}

func TestKinds(t *testing.T) {
	for text, want := range map[string]kind{
		"8.8.8.8": public, "2606:4700::1": public, "127.0.0.1": loopback, "127.255.255.254": loopback, "0.0.0.0": loopback, "::": loopback, "::1": loopback,
		"10.0.0.1": private, "172.16.0.1": private, "172.32.0.1": public, "192.168.1.1": private, "100.64.0.1": private, "fd00::1": private, "fec0::1": private,
		"169.254.1.1": link, "fe80::1": link, "fe80::1%eth0": link, "169.254.169.254": metadata, "fd00:ec2::254": metadata, "168.63.129.16": metadata, "100.100.100.200": metadata,
		"224.0.0.1": multicast, "ff02::1": multicast, "255.255.255.255": reserved, "240.0.0.1": reserved, "192.0.2.1": reserved, "2001:db8::1": reserved, "2001:0:1::": reserved,
		"::ffff:127.0.0.1": loopback, "::ffff:8.8.8.8": public, "::127.0.0.1": loopback, "::8.8.8.8": reserved,
		"64:ff9b::7f00:1": loopback, "64:ff9b::a9fe:a9fe": metadata, "64:ff9b::808:808": public, "64:ff9b:1::1": private, "2002:7f00:1::": loopback, "2002:a00:1::1": private, "2002:808:808::1": public,
		"4000::1": reserved, "100::1": reserved,
	} {
		if got := kindOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

func rules(t *testing.T, blocks ...resource.Egress) *policy {
	t.Helper()
	for i := range blocks {
		if blocks[i].Mode == "" {
			blocks[i].Mode = "enforce"
		}
		if blocks[i].Ports == nil {
			blocks[i].Ports = []int{80, 443}
		}
		if blocks[i].Name == "" {
			blocks[i].Name = "b" + strconv.Itoa(i)
		}
	}
	p, err := newPolicy(blocks, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func nobody(netip.Addr) bool    { return false }
func everybody(netip.Addr) bool { return true }

func TestRules(t *testing.T) {
	p := rules(t,
		resource.Egress{Name: "a", Allow: []string{"*.debian.org", "Example.org", "10.0.0.0/8", "127.0.0.5"}, Deny: []string{"bad.debian.org", "10.9.0.0/16"}},
		resource.Egress{Name: "b", Allow: []string{"git.example.org"}, Ports: []int{8443}, Deny: []string{"198.51.100.7"}})
	for at, want := range map[string]string{
		"deb.debian.org:443": "allowed a: *.debian.org", "a.b.debian.org:80": "allowed a: *.debian.org", "debian.org:443": "refused no rule allows it",
		"xdebian.org:443": "refused no rule allows it", "bad.debian.org:443": "refused a: deny bad.debian.org", "very.bad.debian.org:443": "allowed a: *.debian.org",
		"example.org:443": "allowed a: Example.org", "example.org:22": "refused a: Example.org, but not port 22", "git.example.org:8443": "allowed b: git.example.org",
		"git.example.org:443": "refused b: git.example.org, but not port 443", "10.1.2.3:80": "allowed a: 10.0.0.0/8", "10.9.1.1:80": "refused a: deny 10.9.0.0/16", "8.8.8.8:443": "refused no rule allows it",
	} {
		s, port, err := parseAuthority(at, 0)
		if err != nil {
			t.Fatal(err)
		}
		if j := p.site(s, port); string(j.verdict)+" "+j.rule != want {
			t.Errorf("%s: %s %s, want %s", at, j.verdict, j.rule, want)
		}
	}
	named := judgement{verdict: Allowed, rule: "named"}
	for text, want := range map[string]string{
		"8.8.8.8": "allowed named", "10.1.1.1": "allowed named", "10.9.1.1": "refused a: deny 10.9.0.0/16", "127.0.0.5": "allowed named", "127.0.0.1": "refused loopback address 127.0.0.1",
		"192.168.1.1": "refused private address 192.168.1.1", "169.254.169.254": "refused metadata address 169.254.169.254", "::ffff:127.0.0.1": "refused loopback address 127.0.0.1",
		"198.51.100.7": "refused b: deny 198.51.100.7",
	} {
		if j := p.address(netip.MustParseAddr(text), 80, nobody, named); string(j.verdict)+" "+j.rule != want {
			t.Errorf("%s: %s %s, want %s", text, j.verdict, j.rule, want)
		}
	}
	if j := p.address(netip.MustParseAddr("9.9.9.9"), 80, everybody, named); j.rule != "host's own address 9.9.9.9" {
		t.Errorf("the host's own address: %v", j)
	}
}

// TestReport: what only reports lets through names and private addresses, and
// nothing of the host.
func TestReport(t *testing.T) {
	p := rules(t, resource.Egress{Name: "r", Mode: "report", Deny: []string{"x.example"}}, resource.Egress{Name: "e", Deny: []string{"y.example"}})
	for host, want := range map[string]Verdict{"a.example": Reported, "x.example": Reported, "y.example": Refused} {
		if j := p.site(site{name: host}, 12345); j.verdict != want {
			t.Errorf("%s: %v", host, j)
		}
	}
	for text, want := range map[string]Verdict{"8.8.8.8": Allowed, "10.0.0.1": Reported, "127.0.0.1": Refused, "169.254.169.254": Refused, "fe80::1": Refused} {
		if j := p.address(netip.MustParseAddr(text), 80, nobody, judgement{verdict: Allowed}); j.verdict != want {
			t.Errorf("%s: %v", text, j)
		}
	}
	if j := p.address(netip.MustParseAddr("10.0.0.1"), 80, everybody, judgement{verdict: Allowed}); j.verdict != Refused {
		t.Errorf("the host's own: %v", j)
	}
}

func TestNoRule(t *testing.T) {
	for _, text := range []string{"", "*", "*.", "a/b", "http://a", "*.*.a", "a.*", "10.0.0.0/40", "fe80::1%eth0", "*.1.2.3.4", "127.1"} {
		if _, err := newPolicy([]resource.Egress{{Name: "a", Mode: "enforce", Allow: []string{text}}}, nil); !errors.Is(err, ErrRule) {
			t.Errorf("%q is taken for a rule: %v", text, err)
		}
	}
	if _, err := newPolicy([]resource.Egress{{Name: "a"}}, nil); !errors.Is(err, ErrRule) {
		t.Errorf("no mode: %v", err)
	}
	if _, err := newPolicy([]resource.Egress{{Name: "a", Mode: "enforce", Upstream: "socks5://u:geheim@x:1"}}, nil); !errors.Is(err, ErrRule) || strings.Contains(err.Error(), "geheim") {
		t.Errorf("upstream: %v", err)
	}
}

// TestRulesHold: whatever the lists, in enforcing blocks nothing passes that no
// allow names, and nothing that a deny names; order makes no difference.
func TestRulesHold(t *testing.T) {
	hosts := []string{"a.x", "b.x", "c.b.x", "x", "10.0.0.1", "10.0.0.2"}
	entries := []string{"a.x", "b.x", "*.x", "*.b.x", "10.0.0.1", "10.0.0.0/24"}
	pick := func(bits uint8) (list []string) {
		for i, e := range entries {
			if bits&(1<<i) != 0 {
				list = append(list, e)
			}
		}
		return list
	}
	names := func(list []string, s site) bool {
		for _, e := range list {
			if p, _ := parsePattern(e); p.site(s) {
				return true
			}
		}
		return false
	}
	hold := func(allow1, deny1, allow2, deny2, host uint8, high bool) bool {
		port := 80
		if high {
			port = 8080
		}
		one := resource.Egress{Name: "one", Allow: pick(allow1), Deny: pick(deny1), Ports: []int{80}}
		two := resource.Egress{Name: "two", Allow: pick(allow2), Deny: pick(deny2), Ports: []int{80, 8080}}
		s, _ := parseSite(hosts[int(host)%len(hosts)])
		want := (names(one.Allow, s) && port == 80 || names(two.Allow, s)) && !names(one.Deny, s) && !names(two.Deny, s)
		got := rules(t, one, two).site(s, port).verdict
		return got == rules(t, two, one).site(s, port).verdict && (got == Allowed) == want && (got == Refused) == !want
	}
	if err := quick.Check(hold, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
}

// FuzzSite: a host in its one form stays what it is, and is an address where
// it looks like one to Go.
func FuzzSite(f *testing.F) {
	for _, s := range []string{"deb.debian.org.", "127.1", "0x7f.0.0.1", "[::ffff:1.2.3.4]", "bücher.example", "a。b", "017700000001"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSite(text)
		if err != nil {
			return
		}
		again, err := parseSite(s.String())
		if err != nil || again != s {
			t.Fatalf("%q is %+v, and that %+v (%v)", text, s, again, err)
		}
		a, err := netip.ParseAddr(s.name)
		if (err == nil) != s.addr.IsValid() || err == nil && a != s.addr {
			t.Fatalf("%q: %+v and %v", text, s, a)
		}
		if strings.ContainsAny(s.name, " /@%\\\r\n\x00") || s.name != strings.ToLower(s.name) {
			t.Fatalf("%q is let through as %q", text, s.name)
		}
	})
}

// FuzzHead: what is let through to net/http it reads as the same request.
func FuzzHead(f *testing.F) {
	for _, s := range heads {
		f.Add(s.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		end, wrong := headEnd([]byte(text))
		if wrong != nil || end == 0 {
			return
		}
		h := readHead([]byte(text[:end]))
		if h.fault != nil {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return // refused there, too
		}
		usual := 80
		if h.connect {
			usual = 0
		}
		s, port, err := parseAuthority(r.URL.Host, usual)
		if err != nil || s != h.site || port != h.port || r.Method != h.method || r.URL.User != nil {
			t.Fatalf("%q: %+v and %s %q (%v)", text, h, r.Method, r.URL.Host, err)
		}
		if body := r.ContentLength != 0; body != h.body {
			t.Fatalf("%q: body %v and %d", text, h.body, r.ContentLength)
		}
	})
}

var heads = []struct{ text, want string }{
	{"GET http://a.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", ""},
	{"GET http://A.x:80 HTTP/1.1\r\nHost: a.X\r\nConnection: close\r\n\r\n", ""},
	{"GET http://a.x:8080/?http://b.x HTTP/1.0\r\n\r\n", ""},
	{"CONNECT a.x:443 HTTP/1.1\r\nHost: a.x:443\r\n\r\n", ""},
	{"CONNECT a.x:443 HTTP/1.1\r\nHost: a.x\r\n\r\n", ""},
	{"CONNECT [2606:4700::1]:443 HTTP/1.0\r\n\r\n", ""},
	{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\nContent-Length: 3\r\n\r\nabc", ""},
	{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
	{"GET http://a.x/ HTTP/1.1\r\nHost: b.x\r\n\r\n", "Host is not that of the target"},
	{"GET http://a.x/ HTTP/1.1\r\nHost: a.x:81\r\n\r\n", "Host is not that of the target"},
	{"CONNECT a.x:443 HTTP/1.1\r\nHost: b.x:443\r\n\r\n", "Host is not that of the target"},
	{"GET http://a.x/ HTTP/1.1\r\nHost: a.x\r\nHost: b.x\r\n\r\n", "more than one host"},
	{"GET http://a.x/ HTTP/1.1\r\n\r\n", "no Host"},
	{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "Content-Length beside Transfer-Encoding"},
	{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "more than one content-length"},
	{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\nContent-Length: +3\r\n\r\n", "Content-Length is no number"},
	{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\nTransfer-Encoding: xchunked\r\n\r\n", "Transfer-Encoding is not chunked"},
	{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "Transfer-Encoding is not chunked"},
	{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\nTransfer-Encoding : chunked\r\n\r\n", "field without a name"},
	{"GET http://a.x/ HTTP/1.1\r\nHost: a.x\r\nA: b\r\n folded\r\n\r\n", "field without a name"},
	{"GET http://a.x/ HTTP/1.1\nHost: a.x\n\n", "line without carriage return"},
	{"GET http://a.x/ HTTP/1.1\r\nHost: a.x\r\nA: b\x00c\r\n\r\n", "control character in head"},
	{"GET http://a.x/ HTTP/1.1\r\nHost: a.x\r\nA: b\rc: d\r\n\r\n", "control character in head"},
	{"GET /etc/passwd HTTP/1.1\r\nHost: a.x\r\n\r\n", "this is a proxy, and the target has no host"},
	{"OPTIONS * HTTP/1.1\r\nHost: a.x\r\n\r\n", "this is a proxy, and the target has no host"},
	{"GET https://a.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", "https goes through CONNECT"},
	{"GET ftp://a.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", "scheme is not http"},
	{"GET http://u:p@a.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", errPort.Error()},
	{"GET http://u@a.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", errHost.Error()},
	{"GET http://a.x\\@b.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", errHost.Error()},
	{"CONNECT a.x HTTP/1.1\r\nHost: a.x\r\n\r\n", errPort.Error()},
	{"CONNECT a.x:0 HTTP/1.1\r\nHost: a.x\r\n\r\n", errPort.Error()},
	{"CONNECT a.x:443 HTTP/1.1\r\nHost: a.x:443\r\nContent-Length: 5\r\n\r\n", "CONNECT with a body"},
	{"CONNECT http://a.x:443 HTTP/1.1\r\nHost: a.x\r\n\r\n", errHost.Error()},
	{"GET http://a.x/ HTTP/2.0\r\n\r\n", "version is not HTTP/1.1"},
	{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version is not HTTP/1.1"},
	{"GET http://a.x/ x HTTP/1.1\r\n\r\n", "no request line"},
	{"\x16\x03\x01\x02\x00", "no request of HTTP"},
	{"\r\nGET http://a.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", "no request of HTTP"},
	{"GET http://a.x/ HTTP/1.1\r\nHost: a.x\r\n" + strings.Repeat("A: b\r\n", mostFields) + "\r\n", "more than 100 fields"},
	{"GET http://a.x/ HTTP/1.1\r\nHost: a.x\r\nA: " + strings.Repeat("b", mostHead), "head of more than 16384 bytes"},
}

func TestHeads(t *testing.T) {
	for _, c := range heads {
		end, wrong := headEnd([]byte(c.text))
		got := wrong
		if wrong == nil && end > 0 {
			got = readHead([]byte(c.text[:end])).fault
		}
		switch {
		case c.want == "" && (got != nil || end == 0):
			t.Errorf("%q: %v", c.text, got)
		case c.want != "" && (got == nil || got.text != "malformed: "+c.want):
			t.Errorf("%q: %v, want %s", c.text[:min(80, len(c.text))], got, c.want)
		}
	}
}

// TestSuggest: the list lets through all that was reported, and nothing more.
func TestSuggest(t *testing.T) {
	s := Suggest([]Attempt{
		{Verdict: Reported, Host: "b.example", Port: 443}, {Verdict: Reported, Host: "a.example", Port: 80, Address: "10.0.0.7"}, {Verdict: Reported, Host: "b.example", Port: 443},
		{Verdict: Allowed, Host: "known.example", Port: 8080}, {Verdict: Refused, Host: "127.0.0.1", Port: 22}, {Verdict: Reported},
	})
	p := rules(t, resource.Egress{Allow: s.Allow, Ports: s.Ports})
	if len(s.Allow) != 3 || len(s.Ports) != 2 || p.site(site{name: "b.example"}, 443).verdict != Allowed || p.site(site{name: "known.example"}, 80).verdict != Refused ||
		p.address(netip.MustParseAddr("10.0.0.7"), 80, nobody, judgement{verdict: Allowed}).verdict != Allowed {
		t.Errorf("suggested: %+v", s)
	}
}
