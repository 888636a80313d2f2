package egress

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strake/reconcile/resource"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// world is a proxy that serves the container "c", sites on addresses of the
// loopback net, and a name server of its own.
type world struct {
	t     *testing.T
	proxy *Proxy
	at    string

	mu    sync.Mutex
	notes []Attempt
	new   chan struct{}
	names map[string][]string // each look-up takes the first, the last stays
	asked map[string]int
}

func newWorld(t *testing.T, o Options) *world {
	w := &world{t: t, new: make(chan struct{}, 1), names: map[string][]string{}, asked: map[string]int{}}
	o.Log = func(a Attempt) {
		w.mu.Lock()
		w.notes = append(w.notes, a)
		w.mu.Unlock()
		select {
		case w.new <- struct{}{}:
		default:
		}
	}
	o.Resolver = w.resolver()
	w.proxy = Open(o)
	t.Cleanup(func() { w.proxy.Close() })
	w.at = w.serve("c")
	return w
}

func (w *world) serve(container string) string {
	w.t.Helper()
	l := listen(w.t, "127.0.0.1:0")
	w.proxy.Serve(container, l)
	return l.Addr().String()
}

func listen(t testing.TB, at string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func (w *world) set(blocks ...resource.Egress) {
	w.t.Helper()
	for i := range blocks {
		if blocks[i].Name == "" {
			blocks[i].Name = "b" + strconv.Itoa(i)
		}
		if blocks[i].Mode == "" {
			blocks[i].Mode = "enforce"
		}
	}
	if err := w.proxy.Set("c", blocks, map[string]string{"up": "geheim"}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) name(host string, addresses ...string) { w.names[host+"."] = addresses }

// resolver answers A and AAAA questions over TCP out of names.
func (w *world) resolver() *net.Resolver {
	l := listen(w.t, "127.0.0.1:0")
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.answer(c)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}}
}

func (w *world) answer(c net.Conn) {
	defer c.Close()
	size := make([]byte, 2)
	for {
		if _, err := io.ReadFull(c, size); err != nil {
			return
		}
		text := make([]byte, int(size[0])<<8|int(size[1]))
		if _, err := io.ReadFull(c, text); err != nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(text); err != nil {
			return
		}
		m.Response, m.Additionals = true, nil
		q := m.Questions[0]
		m.Answers = w.records(q)
		if m.Answers == nil {
			m.RCode = dnsmessage.RCodeNameError
		}
		out, err := m.Pack()
		if err != nil {
			return
		}
		if _, err := c.Write(append([]byte{byte(len(out) >> 8), byte(len(out))}, out...)); err != nil {
			return
		}
	}
}

// records are for one kind of question: a name of several sets of addresses,
// comma-separated, rebinds with each A question.
func (w *world) records(q dnsmessage.Question) []dnsmessage.Resource {
	w.mu.Lock()
	defer w.mu.Unlock()
	sets, ok := w.names[strings.ToLower(q.Name.String())]
	if !ok {
		return nil
	}
	if q.Type == dnsmessage.TypeA {
		w.asked[q.Name.String()]++
	}
	list := []dnsmessage.Resource{}
	for _, text := range strings.Split(sets[0], ",") {
		a := netip.MustParseAddr(text)
		h := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type}
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			list = append(list, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			list = append(list, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	if q.Type == dnsmessage.TypeA && len(sets) > 1 {
		w.names[strings.ToLower(q.Name.String())] = sets[1:]
	}
	return list
}

// noted waits for a record that fits.
func (w *world) noted(what string, fits func(Attempt) bool) Attempt {
	w.t.Helper()
	for late := time.After(15 * time.Second); ; {
		w.mu.Lock()
		i := slices.IndexFunc(w.notes, fits)
		if i >= 0 {
			a := w.notes[i]
			w.mu.Unlock()
			return a
		}
		all := slices.Clone(w.notes)
		w.mu.Unlock()
		select {
		case <-w.new:
		case <-late:
			w.t.Fatalf("no record of %s among %+v", what, all)
		}
	}
}

func (w *world) refused(host, rule string) {
	w.t.Helper()
	w.noted("refused "+host+": "+rule, func(a Attempt) bool {
		return a.Container == "c" && a.Verdict == Refused && a.Host == host && strings.Contains(a.Rule, rule)
	})
}

func (w *world) forget() {
	w.mu.Lock()
	w.notes = nil
	w.mu.Unlock()
}

func (w *world) client() *http.Client {
	to, _ := url.Parse("http://" + w.at)
	tr := &http.Transport{Proxy: http.ProxyURL(to), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	w.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// raw sends bytes to the proxy, and reads all that comes back until it closes.
func (w *world) raw(text string) string {
	w.t.Helper()
	c := w.dial()
	if _, err := io.WriteString(c, text); err != nil {
		w.t.Fatal(err)
	}
	out, err := io.ReadAll(c)
	if err != nil {
		w.t.Logf("%q: %v", text[:min(60, len(text))], err)
	}
	return string(out)
}

func (w *world) dial() net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp", w.at)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return c
}

// connect opens a tunnel and wants the status.
func (w *world) connect(to string, status int) (net.Conn, *bufio.Reader) {
	w.t.Helper()
	c := w.dial()
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", to, to)
	r := bufio.NewReader(c)
	answer, err := http.ReadResponse(r, &http.Request{Method: "CONNECT"})
	if err != nil {
		w.t.Fatalf("connect to %s: %v", to, err)
	}
	if answer.StatusCode != status {
		w.t.Fatalf("connect to %s: %s", to, answer.Status)
	}
	return c, r
}

// site is a web server at an address of the loopback net; port is its own.
func (w *world) site(at string, h http.HandlerFunc, secure bool) (port int) {
	w.t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Listener.Close()
	s.Listener = listen(w.t, at+":0")
	s.EnableHTTP2 = true
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	w.t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.Listener.Addr().(*net.TCPAddr).Port
}

// echo is a server that sends back what it gets.
func (w *world) echo(at string) (port int) {
	l := listen(w.t, at+":0")
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func get(t *testing.T, c *http.Client, at string, status int) (*http.Response, string) {
	t.Helper()
	r, err := c.Get(at)
	if err != nil {
		t.Fatalf("get %s: %v", at, err)
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	if r.StatusCode != status {
		t.Fatalf("get %s: %s %s", at, r.Status, text)
	}
	return r, string(text)
}

// TestPlain: a page by its absolute address; the site hears nothing of who
// asks, and its answer comes as it is.
func TestPlain(t *testing.T) {
	w := newWorld(t, Options{})
	var got http.Header
	var host string
	port := w.site("127.0.0.2", func(rw http.ResponseWriter, r *http.Request) {
		got, host = r.Header.Clone(), r.Host
		rw.Header().Set("Keep-Alive", "timeout=5")
		rw.Header().Set("Proxy-Authenticate", "Basic")
		rw.Header().Set("X-Mine", "yes")
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(rw, "%s %s %d", r.Method, r.URL, len(body))
	}, false)
	w.name("site.test", "127.0.0.2")
	w.set(resource.Egress{Name: "u", Allow: []string{"site.test", "127.0.0.2"}, Ports: []int{port}})
	at := fmt.Sprintf("http://SITE.test.:%d/a%%20b?c", port)
	r, _ := http.NewRequest("GET", at, nil)
	for _, h := range []string{"X-Forwarded-For", "Via", "Forwarded", "X-Real-Ip", "Proxy-Authorization", "Keep-Alive", "Te", "X-Named", "X-Kept", "Upgrade"} {
		r.Header.Set(h, "1")
	}
	r.Header.Set("Connection", "X-Named, keep-alive")
	answer, err := w.client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if string(text) != "GET /a%20b?c 0" || host != fmt.Sprintf("site.test:%d", port) {
		t.Errorf("%s %q, host %q", answer.Status, text, host)
	}
	for h := range got {
		if !slices.Contains([]string{"X-Kept", "User-Agent", "Accept-Encoding"}, h) {
			t.Errorf("the site hears %s: %s", h, got[h])
		}
	}
	if answer.Header.Get("X-Mine") != "yes" || answer.Header.Get("Keep-Alive") != "" || answer.Header.Get("Proxy-Authenticate") != "" {
		t.Errorf("the client hears %v", answer.Header)
	}
	if answer.ContentLength != int64(len(text)) {
		t.Errorf("the client hears of length %d, of %d", answer.ContentLength, len(text))
	}
	if head, err := w.client().Head(at); err != nil || head.ContentLength != int64(len("HEAD /a%20b?c 0")) {
		t.Errorf("head: %+v, %v", head, err)
	}
	n := w.noted("page", func(a Attempt) bool { return a.Verdict == Allowed && a.Method == "GET" })
	if n.Host != "site.test" || n.Port != port || n.Address != "127.0.0.2" || n.Rule != "u: site.test" || n.Method != "GET" || n.Received != int64(len(text)) || n.Container != "c" {
		t.Errorf("noted: %+v", n)
	}
	for _, length := range []int64{5 << 20, -1} {
		w.forget()
		r, _ := http.NewRequest("POST", at, io.LimitReader(zeros{}, 5<<20))
		r.ContentLength = length
		answer, err := w.client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if string(text) != fmt.Sprintf("POST /a%%20b?c %d", 5<<20) {
			t.Errorf("post of length %d: %s", length, text)
		}
		if n := w.noted("post", func(a Attempt) bool { return a.Method == "POST" }); n.Sent != 5<<20 {
			t.Errorf("noted: %+v", n)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestHalfClose: a client that sends FIN after its request gets the answer, of a
// page that takes its time and by a tunnel.
func TestHalfClose(t *testing.T) {
	w := newWorld(t, Options{})
	asked, answer := make(chan struct{}), make(chan struct{})
	port := w.site("127.0.0.2", func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked <- struct{}{}
		<-answer
		fmt.Fprintf(rw, "%s %d", r.Method, len(body))
	}, false)
	w.set(resource.Egress{Allow: []string{"127.0.0.2"}, Ports: []int{port}})
	at := fmt.Sprintf("127.0.0.2:%d", port)
	for _, c := range []struct{ text, want string }{
		{"GET http://" + at + "/ HTTP/1.1\r\nHost: " + at + "\r\n\r\n", "GET 0"},
		{"POST http://" + at + "/ HTTP/1.1\r\nHost: " + at + "\r\nContent-Length: 5\r\n\r\nhello", "POST 5"},
		{"CONNECT " + at + " HTTP/1.1\r\nHost: " + at + "\r\n\r\nGET / HTTP/1.0\r\n\r\n", "GET 0"},
	} {
		client := w.dial().(*net.TCPConn)
		_, _ = io.WriteString(client, c.text)
		_ = client.CloseWrite()
		<-asked
		time.Sleep(20 * time.Millisecond) // the end is read meanwhile
		answer <- struct{}{}
		got, err := io.ReadAll(client)
		if err != nil || !strings.Contains(string(got), c.want) {
			t.Errorf("%.7s is answered with %q: %v", c.text, got, err)
		}
	}
}

// TestTunnel: HTTPS by CONNECT, over HTTP/1.1 and HTTP/2, large both ways, and
// bytes that come along with the request.
func TestTunnel(t *testing.T) {
	w := newWorld(t, Options{})
	port := w.site("127.0.0.3", func(rw http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(rw, "%s %d", r.Proto, n)
		_, _ = io.Copy(rw, io.LimitReader(zeros{}, 3<<20))
	}, true)
	w.name("safe.test", "127.0.0.3")
	w.set(resource.Egress{Allow: []string{"*.test", "127.0.0.3"}, Ports: []int{port}})
	r, err := w.client().Post(fmt.Sprintf("https://safe.test:%d/", port), "", io.LimitReader(zeros{}, 7<<20))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if want := fmt.Sprintf("HTTP/2.0 %d", 7<<20); !strings.HasPrefix(string(text), want) || len(text) != len(want)+3<<20 {
		t.Errorf("%d bytes: %.20s", len(text), text)
	}
	w.proxy.Leave("c")
	n := w.noted("tunnel", func(a Attempt) bool { return a.Method == "CONNECT" && !a.Open })
	if n.Sent < 7<<20 || n.Received < 3<<20 || n.Address != "127.0.0.3" {
		t.Errorf("noted: %+v", n)
	}

	w.at = w.serve("c")
	echo := w.echo("127.0.0.3")
	w.set(resource.Egress{Allow: []string{"*.test", "127.0.0.3"}, Ports: []int{echo}})
	c := w.dial()
	fmt.Fprintf(c, "CONNECT safe.test:%d HTTP/1.1\r\nHost: safe.test\r\n\r\nearly", echo)
	br := bufio.NewReader(c)
	if a, err := http.ReadResponse(br, &http.Request{Method: "CONNECT"}); err != nil || a.StatusCode != 200 {
		t.Fatal(a, err)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	go func() { _, _ = c.Write(big); _ = c.(*net.TCPConn).CloseWrite() }()
	back, err := io.ReadAll(br)
	if err != nil || string(back[:5]) != "early" || !bytes.Equal(back[5:], big) {
		t.Errorf("%d bytes came back, of %d: %v", len(back), 5+len(big), err)
	}
	w.noted("echo", func(a Attempt) bool {
		return a.Port == echo && a.Verdict == Allowed && a.Sent == int64(5+len(big)) && a.Received == a.Sent
	})
}

// TestWebsocket: an upgrade over plain HTTP; bytes go both ways.
func TestWebsocket(t *testing.T) {
	w := newWorld(t, Options{})
	port := w.site("127.0.0.2", func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			http.Error(rw, "no", http.StatusForbidden)
			return
		}
		rw.Header().Set("Upgrade", r.Header.Get("Upgrade"))
		rw.Header().Set("Connection", r.Header.Get("Connection"))
		rw.WriteHeader(http.StatusSwitchingProtocols)
		c, buf, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.CopyN(c, buf, 4)
	}, false)
	w.name("ws.test", "127.0.0.2")
	w.set(resource.Egress{Allow: []string{"ws.test", "127.0.0.2"}, Ports: []int{port}})
	ask := func(path string) string {
		return w.raw(fmt.Sprintf("GET http://ws.test:%d%s HTTP/1.1\r\nHost: ws.test:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nping", port, path, port))
	}
	if out := ask("/"); !strings.HasPrefix(out, "HTTP/1.1 101 ") || !strings.HasSuffix(out, "\r\n\r\nping") {
		t.Errorf("websocket: %q", out)
	}
	w.noted("websocket", func(a Attempt) bool { return a.Sent == 4 && a.Received == 4 })
	// What was to be a websocket's is no request where there is none.
	if out := ask("/no"); !strings.HasPrefix(out, "HTTP/1.1 403 ") || strings.Count(out, "HTTP/1.1") != 1 {
		t.Errorf("no websocket: %q", out)
	}
}

// TestAttacks: each is refused and on record, and the next request of another
// connection goes through.
func TestAttacks(t *testing.T) {
	w := newWorld(t, Options{})
	reached := make(chan string, 100)
	port := w.site("127.0.0.2", func(_ http.ResponseWriter, r *http.Request) { reached <- r.Host + r.URL.Path }, false)
	inner := w.site("127.0.0.1", func(_ http.ResponseWriter, r *http.Request) { reached <- "inner" }, false)
	w.name("site.test", "127.0.0.2")
	w.name("inner.test", "127.0.0.1")
	w.name("mixed.test", "127.0.0.1,169.254.169.254,10.0.0.1,::ffff:127.0.0.1,64:ff9b::7f00:1,127.0.0.2")
	w.set(resource.Egress{Allow: []string{"*.test", "127.0.0.2"}, Ports: []int{port, inner, 443}})
	_, own, _ := net.SplitHostPort(w.at)
	line := func(method, to string) string {
		return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", method, to, strings.TrimSuffix(strings.TrimPrefix(to, "http://"), "/"))
	}
	site := fmt.Sprintf("site.test:%d", port)
	for name, c := range map[string]struct{ text, host, rule string }{
		"other port":          {line("CONNECT", "site.test:22") + "\r\n", "site.test", "not port 22"},
		"other host":          {line("CONNECT", "other.example:443") + "\r\n", "other.example", "no rule"},
		"address":             {line("CONNECT", fmt.Sprintf("127.0.0.1:%d", inner)) + "\r\n", "127.0.0.1", "no rule"},
		"decimal":             {line("GET", fmt.Sprintf("http://2130706433:%d/", inner)) + "\r\n", "127.0.0.1", "no rule"},
		"hexadecimal":         {line("GET", fmt.Sprintf("http://0x7f.1:%d/", inner)) + "\r\n", "127.0.0.1", "no rule"},
		"octal":               {line("GET", fmt.Sprintf("http://0177.0.0.1:%d/", inner)) + "\r\n", "127.0.0.1", "no rule"},
		"mapped":              {line("CONNECT", fmt.Sprintf("[::ffff:127.0.0.1]:%d", inner)) + "\r\n", "127.0.0.1", "no rule"},
		"name of the host":    {line("CONNECT", fmt.Sprintf("inner.test:%d", inner)) + "\r\n", "inner.test", "loopback address 127.0.0.1"},
		"the proxy itself":    {line("CONNECT", "inner.test:"+own) + "\r\n", "inner.test", "not port " + own},
		"other Host":          {"GET http://" + site + "/ HTTP/1.1\r\nHost: inner.test\r\n\r\n", "site.test", "Host is not that of the target"},
		"two lengths":         {line("POST", "http://"+site+"/") + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "site.test", "Content-Length beside"},
		"line feeds":          {"GET http://" + site + "/ HTTP/1.1\nHost: " + site + "\n\n", "", "line without carriage return"},
		"huge head":           {line("GET", "http://"+site+"/") + "A: " + strings.Repeat("a", 1<<20), "", "head of more than"},
		"no proxy request":    {"GET / HTTP/1.1\r\nHost: " + site + "\r\n\r\n", "", "target has no host"},
		"TLS to the proxy":    {"\x16\x03\x01\x00\xa5\x01", "", "no request of HTTP"},
		"second of a pair":    {"GET http://" + site + "/ok HTTP/1.1\r\nHost: " + site + "\r\n\r\n" + "GET http://inner.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n", "inner.test", "Host is not"},
		"behind a body":       {"POST http://" + site + "/ok HTTP/1.1\r\nHost: " + site + "\r\nContent-Length: 1\r\n\r\nx" + fmt.Sprintf("GET http://inner.test:%d/ HTTP/1.1\r\nHost: inner.test:%d\r\n\r\n", inner, inner), "", ""},
		"behind an upgrade":   {"GET http://" + site + "/ok HTTP/1.1\r\nHost: " + site + "\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" + fmt.Sprintf("GET http://inner.test:%d/ HTTP/1.1\r\nHost: inner.test:%d\r\n\r\n", inner, inner), "", ""},
		"unreadable path":     {"GET http://" + site + "/%zz HTTP/1.1\r\nHost: " + site + "\r\n\r\n", "site.test", "can't be read"},
		"forwarded for other": {"GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\nX-Forwarded-For: 127.0.0.1\r\nConnection: close\r\n\r\n", "other.example", "no rule"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.forget()
			out := w.raw(c.text)
			if c.rule != "" {
				w.refused(c.host, c.rule)
				if !strings.Contains(out, " 4") {
					t.Errorf("the client hears %q", out)
				}
			}
			if n := strings.Count(out, "HTTP/1.1 200"); n > 1 || n == 1 && !strings.Contains(c.text, "/ok") {
				t.Errorf("the client hears %q", out)
			}
			get(t, w.client(), "http://"+site+"/next", 200)
			for done := false; !done; {
				switch got := <-reached; {
				case got == "inner":
					t.Error("it reached the host's own server")
				case strings.HasSuffix(got, "/next"):
					done = true
				case !strings.HasSuffix(got, "/ok"):
					t.Errorf("it reached %s", got)
				}
			}
		})
	}
	w.t = t
	// Of several addresses only those are tried that may be reached.
	get(t, w.client(), fmt.Sprintf("http://mixed.test:%d/", port), 200)
	if n := w.noted("mixed", func(a Attempt) bool { return a.Host == "mixed.test" }); n.Address != "127.0.0.2" {
		t.Errorf("mixed: %+v", n)
	}
}

// TestRebinding: a name is asked for once, and what it says the next time
// counts for nothing.
func TestRebinding(t *testing.T) {
	w := newWorld(t, Options{})
	port := w.echo("127.0.0.2")
	w.name("rebind.test", "127.0.0.2", "127.0.0.1", "127.0.0.2", "169.254.169.254")
	w.set(resource.Egress{Allow: []string{"rebind.test", "127.0.0.2"}, Ports: []int{port}})
	at := fmt.Sprintf("rebind.test:%d", port)
	for i, status := range []int{200, 403, 200, 403} {
		w.connect(at, status)
		if w.asked["rebind.test."] != i+1 {
			t.Errorf("the name was asked for %d times in %d connections", w.asked["rebind.test."], i+1)
		}
	}
	w.refused("rebind.test", "loopback address 127.0.0.1")
	w.refused("rebind.test", "metadata address 169.254.169.254")
}

// TestRedirect: where a site sends its client is a request of its own.
func TestRedirect(t *testing.T) {
	w := newWorld(t, Options{})
	inner := w.site("127.0.0.1", func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }, false)
	port := w.site("127.0.0.2", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, fmt.Sprintf("http://127.0.0.1:%d/", inner), http.StatusFound)
	}, false)
	w.name("site.test", "127.0.0.2")
	w.set(resource.Egress{Allow: []string{"site.test", "127.0.0.2"}, Ports: []int{port, inner}})
	// Go's client sends no loopback address to a proxy, so what it would ask is written out.
	for _, ask := range []struct{ host, answer string }{{fmt.Sprintf("site.test:%d", port), "HTTP/1.1 302 "}, {fmt.Sprintf("127.0.0.1:%d", inner), "HTTP/1.1 403 "}} {
		c := w.dial()
		fmt.Fprintf(c, "GET http://%s/ HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", ask.host, ask.host)
		if out, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(out), ask.answer) {
			t.Fatalf("%s: %v\n%s", ask.host, err, out)
		}
	}
	w.refused("127.0.0.1", "no rule")
}

// TestServerName: in a tunnel the name in TLS has to be the one asked for.
func TestServerName(t *testing.T) {
	w := newWorld(t, Options{})
	port := w.site("127.0.0.3", func(http.ResponseWriter, *http.Request) {}, true)
	w.name("safe.test", "127.0.0.3")
	w.set(resource.Egress{Name: "e", Allow: []string{"safe.test", "127.0.0.3"}, Ports: []int{port}})
	shake := func(host, name string) error {
		c, _ := w.connect(fmt.Sprintf("%s:%d", host, port), 200)
		tc := tls.Client(c, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		defer c.Close()
		return tc.Handshake()
	}
	for _, ok := range []struct{ host, name string }{{"safe.test", "safe.test"}, {"SAFE.test.", "Safe.Test"}, {"127.0.0.3", ""}} {
		if err := shake(ok.host, ok.name); err != nil {
			t.Errorf("%s with server name %q: %v", ok.host, ok.name, err)
		}
	}
	for _, no := range []struct{ host, name, rule string }{
		{"safe.test", "other.test", errName.Error()}, {"safe.test", "", errNoName.Error()}, {"127.0.0.3", "safe.test", errName.Error()},
	} {
		w.forget()
		if err := shake(no.host, no.name); err == nil {
			t.Errorf("%s with server name %q passes", no.host, no.name)
		}
		w.refused(no.host, no.rule)
	}
	// A hello that comes along with the request is checked as any other.
	w.forget()
	var hello bytes.Buffer
	_ = tls.Client(recorded{w: &hello}, &tls.Config{ServerName: "other.test"}).Handshake()
	if out := w.raw(fmt.Sprintf("CONNECT safe.test:%d HTTP/1.1\r\nHost: safe.test\r\n\r\n%s", port, hello.String())); strings.Contains(out, "\x16\x03") {
		t.Errorf("the site answers to an early hello: %q", out)
	}
	w.refused("safe.test", errName.Error())

	w.forget()
	w.set(resource.Egress{Name: "r", Mode: "report", Allow: []string{"127.0.0.3"}, Ports: []int{port}})
	if err := shake("safe.test", "other.test"); err != nil {
		t.Errorf("report mode: %v", err)
	}
	w.noted("report of a name", func(a Attempt) bool { return a.Verdict == Reported && a.Rule == errName.Error() })
}

// TestHello: what is no TLS on port 443, and a hello in pieces.
func TestHello(t *testing.T) {
	var hello bytes.Buffer
	_ = tls.Client(recorded{w: &hello}, &tls.Config{ServerName: "a.test"}).Handshake()
	s := site{name: "a.test"}
	for i := 1; i < 60; i += 7 {
		got, err := checkHello(&pieces{hello.Bytes(), i}, s, https)
		if err != nil || !bytes.Equal(got, hello.Bytes()[:len(got)]) {
			t.Errorf("in pieces of %d: %d of %d bytes, %v", i, len(got), hello.Len(), err)
		}
	}
	for text, want := range map[string]error{"SSH-2.0-x\r\n": errNoTLS, "GET / HTTP/1.1\r\n": errNoTLS, "\x16\x03\x01\xff\xff" + strings.Repeat("x", 1<<17): errHello, "\x16\x03\x01": errHello} {
		if _, err := checkHello(strings.NewReader(text), s, https); !errors.Is(err, want) {
			t.Errorf("%.10q: %v, want %v", text, err, want)
		}
	}
	if got, err := checkHello(strings.NewReader("SSH-2.0-x\r\n"), s, 22); err != nil || string(got) != "SSH-2.0-x\r\n" {
		t.Errorf("on another port: %q, %v", got, err)
	}
	if _, err := checkHello(strings.NewReader(""), s, https); err != io.EOF {
		t.Errorf("nothing: %v", err)
	}
}

type recorded struct {
	mute
	w *bytes.Buffer
}

func (r recorded) Write(p []byte) (int, error) { return r.w.Write(p) }
func (r recorded) Read([]byte) (int, error)    { return 0, io.EOF }

type pieces struct {
	text []byte
	n    int
}

func (p *pieces) Read(to []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(to[:min(len(to), p.n)], p.text)
	p.text = p.text[n:]
	return n, nil
}

// TestLive: rules change under connections; what is no longer allowed ends,
// what still is goes on.
func TestLive(t *testing.T) {
	w := newWorld(t, Options{})
	port := w.echo("127.0.0.2")
	slow := make(chan struct{})
	page := w.site("127.0.0.2", func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = rw.Write([]byte("begun"))
		rw.(http.Flusher).Flush()
		<-slow
	}, false)
	t.Cleanup(func() { close(slow) })
	w.name("stays.test", "127.0.0.2")
	w.name("goes.test", "127.0.0.2")
	ports := []int{port, page}
	w.set(resource.Egress{Name: "e", Allow: []string{"*.test", "127.0.0.2"}, Ports: ports})
	stays, sr := w.connect(fmt.Sprintf("stays.test:%d", port), 200)
	goes, gr := w.connect(fmt.Sprintf("goes.test:%d", port), 200)
	say := func(c net.Conn, r *bufio.Reader) error {
		if _, err := io.WriteString(c, "x"); err != nil {
			return err
		}
		_, err := r.ReadByte()
		return err
	}
	if err := errors.Join(say(stays, sr), say(goes, gr)); err != nil {
		t.Fatal(err)
	}
	r, err := w.client().Get(fmt.Sprintf("http://goes.test:%d/", page))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	w.set(resource.Egress{Name: "e", Allow: []string{"stays.test", "127.0.0.2"}, Ports: ports})
	if err := say(stays, sr); err != nil {
		t.Errorf("what is still allowed: %v", err)
	}
	if err := say(goes, gr); err == nil {
		t.Error("what is not allowed goes on")
	}
	if text, err := io.ReadAll(r.Body); err == nil {
		t.Errorf("the page that is not allowed goes on: %q", text)
	}
	for _, method := range []string{"CONNECT", "GET"} {
		w.noted("closed "+method, func(a Attempt) bool { return a.Verdict == Closed && a.Method == method && a.Host == "goes.test" })
	}
	w.connect(fmt.Sprintf("goes.test:%d", port), 403)
	// The address alone goes: the name is still there.
	w.set(resource.Egress{Name: "e", Allow: []string{"stays.test"}, Ports: ports})
	if err := say(stays, sr); err == nil {
		t.Error("the tunnel outlives its address")
	}
	w.proxy.Forget("c")
	if _, err := net.Dial("tcp", w.at); err == nil {
		t.Error("the listener outlives its container")
	}
}

// TestLimits: connections at a time, bytes of a day, time without a byte, rate.
func TestLimits(t *testing.T) {
	w := newWorld(t, Options{Spent: map[string]Spent{"c": {time.Now().UTC().Format(time.DateOnly), 1000}}})
	port := w.echo("127.0.0.2")
	w.name("a.test", "127.0.0.2")
	at := fmt.Sprintf("a.test:%d", port)
	set := func(l resource.EgressLimits) {
		w.forget()
		w.set(resource.Egress{Allow: []string{"a.test", "127.0.0.2"}, Ports: []int{port}, Limits: l})
	}
	set(resource.EgressLimits{Connections: 2})
	one, _ := w.connect(at, 200)
	two, _ := w.connect(at, 200)
	for range 5 {
		if out := w.raw(""); out != "" {
			t.Errorf("the third hears %q", out)
		}
	}
	w.refused("", "too many connections")
	if n := w.noted("the rest", func(a Attempt) bool { return a.Count > 1 }); n.Count != 4 {
		t.Errorf("%+v", n)
	}
	one.Close()
	two.Close()

	set(resource.EgressLimits{Idle: time.Second})
	for len(w.proxy.guest("c").busyConns()) > 0 {
		time.Sleep(time.Millisecond)
	}
	c, r := w.connect(at, 200)
	began := time.Now()
	for range 4 { // longer than the time in all, but never at once
		time.Sleep(400 * time.Millisecond)
		if _, err := io.WriteString(c, "x"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.ReadByte(); err != nil {
			t.Fatalf("closed after %s: %v", time.Since(began), err)
		}
	}
	if _, err := r.ReadByte(); err == nil {
		t.Error("a byte out of nowhere")
	}
	if took := time.Since(began); took < 2400*time.Millisecond || took > 6*time.Second {
		t.Errorf("closed after %s", took)
	}
	w.noted("idle", func(a Attempt) bool { return a.Verdict == Closed && a.Rule == errIdle.Error() })

	set(resource.EgressLimits{Rate: 8 << 20}) // a MiB a second
	c, r = w.connect(at, 200)
	began = time.Now()
	go func() { _, _ = c.Write(make([]byte, 1<<20)) }()
	if _, err := io.CopyN(io.Discard, r, 1<<20); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 1500*time.Millisecond { // there and back, but for the buckets' fill
		t.Errorf("2 MiB at 1 MiB/s took %s", took)
	}
	c.Close()
	w.noted("the end", func(a Attempt) bool { return a.Verdict == Allowed && a.Host == "a.test" && !a.Open })

	spent := w.proxy.Spent()["c"].Bytes
	if spent < 1000+2<<20 {
		t.Errorf("spent %d", spent)
	}
	set(resource.EgressLimits{Daily: spent + 100_000})
	c, r = w.connect(at, 200)
	go func() { _, _ = io.Copy(c, zeros{}) }()
	n, _ := io.Copy(io.Discard, r)
	if n > 100_000 {
		t.Errorf("%d bytes came through", n)
	}
	w.noted("daily", func(a Attempt) bool { return a.Verdict == Closed && a.Rule == errDaily.Error() })
	w.connect(at, 403)
	w.refused("a.test", "bytes of the day")
}

func (g *guest) busyConns() []*conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []*conn
	for c := range g.conns {
		list = append(list, c)
	}
	return list
}

// TestUpstream: through another proxy, with a password that is in no record;
// names are its business.
func TestUpstream(t *testing.T) {
	w := newWorld(t, Options{})
	echo := w.echo("127.0.0.2")
	type asked struct{ method, host, auth string }
	heard := make(chan asked, 10)
	up := w.site("127.0.0.4", func(rw http.ResponseWriter, r *http.Request) {
		heard <- asked{r.Method, r.Host, r.Header.Get("Proxy-Authorization")}
		if strings.HasPrefix(r.Host, "no.test") {
			rw.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if r.Method != "CONNECT" {
			fmt.Fprint(rw, "from upstream")
			return
		}
		to, err := net.Dial("tcp", fmt.Sprintf("127.0.0.2:%d", echo))
		if err != nil {
			return
		}
		c, _, _ := rw.(http.Hijacker).Hijack()
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(to, c); to.Close() }()
		_, _ = io.Copy(c, to)
		c.Close()
	}, false)
	w.set(resource.Egress{Name: "up", Allow: []string{"*.test"}, Ports: []int{80, 7}, Upstream: fmt.Sprintf("http://127.0.0.4:%d", up), UpstreamUser: "me"})
	auth := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:geheim"))
	if _, text := get(t, w.client(), "http://far.test/x", 200); text != "from upstream" {
		t.Errorf("%q", text)
	}
	if got := <-heard; got != (asked{"GET", "far.test", auth}) {
		t.Errorf("upstream hears %+v", got)
	}
	c, r := w.connect("far.test:7", 200)
	if got := <-heard; got != (asked{"CONNECT", "far.test:7", auth}) {
		t.Errorf("upstream hears %+v", got)
	}
	_, _ = io.WriteString(c, "x")
	if b, err := r.ReadByte(); b != 'x' {
		t.Errorf("%c, %v", b, err)
	}
	w.connect("no.test:7", 502)
	get(t, w.client(), "http://no.test/", 502)
	for _, method := range []string{"CONNECT", "GET"} {
		w.noted("no of upstream", func(a Attempt) bool {
			return a.Method == method && a.Verdict == Failed && strings.Contains(a.Rule, "407")
		})
	}
	w.connect("127.0.0.1:7", 403)
	w.connect("other.example:7", 403)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.notes {
		if strings.Contains(fmt.Sprintf("%+v", a), "geheim") {
			t.Errorf("the password is in %+v", a)
		}
	}
}

// TestNetwork: on a bridge the address says who asks; nobody else is served.
func TestNetwork(t *testing.T) {
	w := newWorld(t, Options{})
	port := w.site("127.0.0.2", func(http.ResponseWriter, *http.Request) {}, false)
	w.name("a.test", "127.0.0.2")
	w.set(resource.Egress{Allow: []string{"a.test", "127.0.0.2"}, Ports: []int{port}})
	l := listen(t, "127.0.0.9:0")
	w.proxy.ServeNetwork("lan", l, func(a netip.Addr) (string, bool) {
		name, ok := map[string]string{"127.0.0.11": "c", "127.0.0.12": "d"}[a.String()]
		return name, ok
	})
	from := func(address string) int {
		to, _ := url.Parse("http://" + l.Addr().String())
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		tr := &http.Transport{Proxy: http.ProxyURL(to), DialContext: d.DialContext}
		defer tr.CloseIdleConnections()
		r, err := (&http.Client{Transport: tr}).Get(fmt.Sprintf("http://a.test:%d/", port))
		if err != nil {
			return 0
		}
		r.Body.Close()
		return r.StatusCode
	}
	for address, want := range map[string]int{"127.0.0.11": 200, "127.0.0.12": 403, "127.0.0.13": 0} {
		if got := from(address); got != want {
			t.Errorf("from %s: %d, want %d", address, got, want)
		}
	}
	w.noted("a stranger", func(a Attempt) bool { return a.Container == "" && strings.Contains(a.Rule, "127.0.0.13") })
	w.noted("one without rules", func(a Attempt) bool { return a.Container == "d" && a.Rule == "no egress" })
	counts := w.proxy.Counts()
	if !slices.Contains(counts, Count{"c", Allowed, 1, 0}) || !slices.Contains(counts, Count{"d", Refused, 1, 0}) {
		t.Errorf("counts: %+v", counts)
	}
}

// TestSlow: a head that takes too long is refused and on record; meanwhile
// others, of this container and the next, are served.
func TestSlow(t *testing.T) {
	w := newWorld(t, Options{Most: 500})
	port := w.site("127.0.0.2", func(http.ResponseWriter, *http.Request) {}, false)
	w.name("a.test", "127.0.0.2")
	w.set(resource.Egress{Allow: []string{"a.test", "127.0.0.2"}, Ports: []int{port}})
	slow := w.dial()
	began := time.Now()
	_, _ = io.WriteString(slow, "GET http://a.test/ HTTP/1.1\r\nHost: ")
	trickle := time.NewTicker(time.Second)
	defer trickle.Stop()
	go func() {
		for range trickle.C {
			if _, err := io.WriteString(slow, "a"); err != nil {
				return
			}
		}
	}()
	get(t, w.client(), fmt.Sprintf("http://a.test:%d/", port), 200)
	out, _ := io.ReadAll(slow)
	if took := time.Since(began); took < headTime || took > headTime+10*time.Second || !strings.HasPrefix(string(out), "HTTP/1.1 408 ") {
		t.Errorf("after %s: %q", took, out)
	}
	w.refused("", errSlow.text)
}

// TestIdle: thousands of connections that say nothing keep out only those of
// their own container.
func TestIdle(t *testing.T) {
	w := newWorld(t, Options{Most: 200})
	port := w.site("127.0.0.2", func(http.ResponseWriter, *http.Request) {}, false)
	w.name("a.test", "127.0.0.2")
	rule := resource.Egress{Name: "e", Mode: "enforce", Allow: []string{"a.test", "127.0.0.2"}, Ports: []int{port}}
	w.set(rule)
	other := w.serve("d")
	if err := w.proxy.Set("d", []resource.Egress{rule}, nil); err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		w.dial()
	}
	w.refused("", "too many connections")
	w.at = other
	get(t, w.client(), fmt.Sprintf("http://a.test:%d/", port), 200)
	if n := len(w.proxy.guest("c").busyConns()); n > 200 {
		t.Errorf("%d connections are held", n)
	}
}
