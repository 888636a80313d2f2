package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"strake/cmd/internal/hugeheap"
	"strake/reconcile/host/egress"
	"strake/reconcile/resource"
)

// What the proxies are measured with: a download, requests in a row, tunnels
// in a row, and tunnels that stay open while memory is looked at.
const (
	download = 2 << 30
	requests = 3000
	tunnels  = 1000
	kept     = 200
)

// Addresses of the world's own loopback net.
const (
	siteAt   = "127.0.0.2"
	strakeAt = "127.0.0.3:3128"
	squidAt  = "127.0.0.4:3128"
)

// allowed is the same list for both, as long as people's are.
func allowed() []string {
	list := []string{siteAt}
	for i := range 50 {
		list = append(list, fmt.Sprintf("site%d.example.org", i))
	}
	return list
}

// serveEgress is the proxy in a process of its own: for one container, or for
// very many.
func serveEgress(many int) error {
	hugeheap.Small()
	runtime.GOMAXPROCS(1)
	p := egress.Open(egress.Options{Log: func(egress.Attempt) {}})
	for i := range max(1, many) {
		name, at := fmt.Sprintf("c%d", i), strakeAt
		if many > 0 {
			at = fmt.Sprintf("127.1.%d.%d:3128", i>>8, i&255)
		}
		l, err := egress.Plain().Listen(context.Background(), "tcp", at)
		if err != nil {
			return err
		}
		ports := []int{}
		for _, text := range strings.Fields(os.Getenv("BENCH_PORTS")) {
			n, err := strconv.Atoi(text)
			if err != nil {
				return err
			}
			ports = append(ports, n)
		}
		if err := p.Set(name, []resource.Egress{{Name: "e", Allow: allowed(), Ports: ports, Mode: "enforce"}}, nil); err != nil {
			return err
		}
		p.Serve(name, l)
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin) // until its parent is gone
	return err
}

// gate is a proxy under measurement.
type gate struct {
	at  string
	cmd *exec.Cmd

	download, request, tunnel, memory figure
}

// egress are rows 15 to 18.
func (y *yard) egress() ([]row, error) {
	s, err := newSite(y.task)
	if err != nil {
		return nil, err
	}
	defer s.end()
	strake, err := s.strake("")
	if err != nil {
		return nil, err
	}
	defer strake.end()
	squid, err := s.squid(filepath.Join(y.Dir, "squid"))
	if err != nil {
		return nil, err
	}
	if squid != nil {
		defer squid.end()
	}
	direct := &gate{}
	for _, g := range []*gate{direct, strake, squid} {
		if g != nil {
			g.name(map[*gate]string{direct: "no proxy", strake: "strake", squid: "Squid"}[g])
		}
	}
	err = y.repeat(func(int) error {
		for _, g := range []*gate{direct, squid, strake} {
			if g != nil {
				if err := s.measure(g); err != nil {
					return fmt.Errorf("through %q: %w", g.at, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if squid == nil {
		squid = &gate{}
		squid.name("Squid")
	}
	many, err := s.crowded()
	if err != nil {
		return nil, err
	}
	return []row{{
		Number: 15, Work: fmt.Sprintf("egress: %d MiB through one CONNECT", download>>20), Must: "throughput >= 1 x Squid's", Strake: []figure{strake.download},
		Beside: []figure{direct.download, squid.download}, Checks: []check{faster("throughput of Squid's", strake.download, squid.download, 1)},
	}, {
		Number: 16, Work: "egress: a request over a connection that is open; a new tunnel and its first byte", Must: "what the proxy adds <= 1 x what Squid adds", Strake: []figure{strake.request, strake.tunnel},
		Beside: []figure{direct.request, squid.request, direct.tunnel, squid.tunnel},
		Checks: []check{added("request", strake.request, squid.request, direct.request), added("tunnel", strake.tunnel, squid.tunnel, direct.tunnel)},
	}, {
		Number: 17, Work: fmt.Sprintf("egress: memory with %d tunnels open, after all that", kept), Must: "<= 0.5 x Squid's", Strake: []figure{strake.memory}, Beside: []figure{squid.memory},
		Checks: []check{ratio("of Squid's", strake.memory, squid.memory, 0.5)},
	}, {
		Number: 18, Work: "egress: memory with 1,000 containers attached", Must: "<= 150 MB", Strake: []figure{many},
		Checks: []check{{What: "memory", Is: many.median(), Limit: 150, Unit: "MB", Known: many.measured()}},
	}}, nil
}

func (g *gate) name(who string) {
	g.download = figure{What: who, Unit: "s"}
	g.request = figure{What: "request, " + who, Unit: "s"}
	g.tunnel = figure{What: "tunnel, " + who, Unit: "s"}
	g.memory = figure{What: who, Unit: "MB"}
}

// added compares what two ways add to a third.
func added(what string, a, b, floor figure) check {
	c := check{What: "added to a " + what + ", of what Squid adds", Limit: 1, Unit: "x", Known: a.measured() && b.measured()}
	if c.Known {
		c.Is = (a.median() - floor.median()) / (b.median() - floor.median())
	}
	return c
}

func (g *gate) end() {
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait()
}

// site is what both lead to: a page, and a source of bytes.
type site struct {
	task
	page, source net.Listener
}

func newSite(t task) (*site, error) {
	if err := quiet(exec.Command("ip", "link", "set", "lo", "up")); err != nil {
		return nil, err
	}
	page, err := net.Listen("tcp", siteAt+":0")
	if err != nil {
		return nil, err
	}
	source, err := net.Listen("tcp", siteAt+":0")
	if err != nil {
		return nil, err
	}
	s := &site{t, page, source}
	go func() {
		_ = http.Serve(page, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	}()
	go s.give()
	return s, nil
}

func (s *site) end() {
	s.page.Close()
	s.source.Close()
}

// give sends each client as many bytes as it asks for.
func (s *site) give() {
	for {
		c, err := s.source.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			line, err := bufio.NewReader(c).ReadString('\n')
			n, wrong := strconv.Atoi(strings.TrimSpace(line))
			if err != nil || wrong != nil {
				return
			}
			for block := make([]byte, 256<<10); n > 0; n -= len(block) {
				if _, err := c.Write(block[:min(n, len(block))]); err != nil {
					return
				}
			}
			_, _ = io.Copy(io.Discard, c)
		}()
	}
}

func (s *site) strake(many string) (*gate, error) {
	cmd := exec.Command("/proc/self/exe", many)
	_, a, _ := net.SplitHostPort(s.page.Addr().String())
	_, b, _ := net.SplitHostPort(s.source.Addr().String())
	cmd.Env = append(os.Environ(), stage+"=egress", "BENCH_PORTS="+a+" "+b)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	return &gate{at: strakeAt, cmd: cmd}, nil
}

// squid starts one with the same list, which keeps nothing; nil where it is
// not installed.
func (s *site) squid(dir string) (*gate, error) {
	program, err := exec.LookPath("squid")
	if err != nil {
		return nil, nil
	}
	if err := errors.Join(os.MkdirAll(dir, 0o777), os.Chmod(dir, 0o777)); err != nil {
		return nil, err
	}
	_, page, _ := net.SplitHostPort(s.page.Addr().String())
	_, source, _ := net.SplitHostPort(s.source.Addr().String())
	text := fmt.Sprintf(`http_port %s
acl ports port %s %s
acl sites dstdomain -n %s
http_access deny !ports
http_access allow sites
http_access deny all
cache deny all
cache_mem 0 MB
memory_pools off
via off
forwarded_for delete
access_log stdio:%[5]s/access.log
cache_log %[5]s/cache.log
pid_filename %[5]s/squid.pid
coredump_dir %[5]s
pinger_enable off
visible_hostname bench
shutdown_lifetime 0 seconds
`, squidAt, page, source, strings.Join(allowed(), " "), dir)
	file := filepath.Join(dir, "squid.conf")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "-N", "-f", file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	g := &gate{at: squidAt, cmd: cmd}
	return g, until("Squid listens", 20*time.Second, func() bool {
		c, err := net.Dial("tcp", squidAt)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// measure takes one sample of each.
func (s *site) measure(g *gate) error {
	if err := s.sample(&g.download, func() (time.Duration, error) { return clocked(func() error { return s.download(g) }) }); err != nil {
		return err
	}
	if err := s.sample(&g.request, func() (time.Duration, error) { return s.requests(g) }); err != nil {
		return err
	}
	if err := s.sample(&g.tunnel, func() (time.Duration, error) { return s.tunnels(g) }); err != nil {
		return err
	}
	if g.cmd == nil {
		return nil
	}
	return s.memory(g)
}

// open is a tunnel to the source, or a connection of its own.
func (s *site) open(g *gate) (net.Conn, error) {
	to := s.source.Addr().String()
	if g.at == "" {
		return net.Dial("tcp", to)
	}
	c, err := net.Dial("tcp", g.at)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(c, "CONNECT %[1]s HTTP/1.1\r\nHost: %[1]s\r\n\r\n", to); err != nil {
		return nil, err
	}
	answer := make([]byte, 4096)
	n, err := c.Read(answer)
	if err != nil || !strings.Contains(string(answer[:n]), " 200 ") || !strings.HasSuffix(string(answer[:n]), "\r\n\r\n") {
		c.Close()
		return nil, fmt.Errorf("proxy answers %q: %w", answer[:n], errors.Join(err, syscall.ECONNREFUSED))
	}
	return c, nil
}

func (s *site) download(g *gate) error {
	c, err := s.open(g)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := fmt.Fprintln(c, download); err != nil {
		return err
	}
	block := make([]byte, 256<<10)
	for left := download; left > 0; {
		n, err := c.Read(block)
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// requests is the time of one of many over the same connection.
func (s *site) requests(g *gate) (time.Duration, error) {
	to := s.page.Addr().String()
	at, target := g.at, "http://"+to+"/"
	if at == "" {
		at, target = to, "/"
	}
	c, err := net.Dial("tcp", at)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	r := bufio.NewReader(c)
	text := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n", target, to)
	begin := time.Now()
	for range requests {
		if _, err := io.WriteString(c, text); err != nil {
			return 0, err
		}
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			return 0, err
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("%s: %w", answer.Status, errors.Join(err, syscall.EPROTO))
		}
	}
	return time.Since(begin) / requests, nil
}

// tunnels is the time of one of many, each with a byte there and back.
func (s *site) tunnels(g *gate) (time.Duration, error) {
	begin := time.Now()
	for range tunnels {
		c, err := s.open(g)
		if err != nil {
			return 0, err
		}
		if _, err := io.WriteString(c, "1\n"); err != nil {
			return 0, err
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			return 0, err
		}
		c.Close()
	}
	return time.Since(begin) / tunnels, nil
}

// memory is that of the proxy and its helpers, with tunnels open.
func (s *site) memory(g *gate) error {
	for range kept {
		c, err := s.open(g)
		if err != nil {
			return err
		}
		defer c.Close()
	}
	mb, err := family(g.cmd.Process.Pid)
	g.memory.Samples = append(g.memory.Samples, mb)
	return err
}

// family is the memory of a process and of those that it has started.
func family(pid int) (float64, error) {
	all, err := processes()
	if err != nil {
		return 0, err
	}
	var kin []process
	pids := []int{pid}
	for more := true; more; {
		more = false
		for _, p := range all {
			if !slices.Contains(pids, p.pid) && slices.Contains(pids, p.parent) {
				pids, more = append(pids, p.pid), true
			}
		}
	}
	for _, n := range pids {
		kin = append(kin, process{pid: n})
	}
	return memoryOf(kin)
}

// crowded is the memory of a proxy that very many are attached to.
func (s *site) crowded() (figure, error) {
	f := figure{What: "strake", Unit: "MB"}
	g, err := s.strake(strconv.Itoa(crowd))
	if err != nil {
		return f, err
	}
	defer g.end()
	mb, err := family(g.cmd.Process.Pid)
	f.Samples = append(f.Samples, mb)
	return f, err
}
