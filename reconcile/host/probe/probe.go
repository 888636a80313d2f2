// Package probe asks whether something in a container answers: a page, a port,
// a path. It asks from within the container's network namespace, so a
// container without any interface can be asked too, and changes nothing. What
// it hears is a stranger's: nothing of a page is kept, no redirect followed.
package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"

	"golang.org/x/sys/unix"

	"strake/reconcile/scoped"
	"strake/reconcile/thread"
)

// Prober asks. It has no state.
type Prober struct{}

// target is the container that is asked.
type target struct {
	pid       int          // of its init
	addresses []netip.Addr // its own, beside those of its loopback
}

// HTTP wants the page to answer with the status, or with 200 to 399 where that
// is 0. An address without a host is the container's own; its certificate is
// not checked, since there is no name that it could be for. pid is that of the
// container's init, own are its addresses beside those of its loopback.
func (Prober) HTTP(ctx context.Context, pid int, own []netip.Addr, address string, status int) error {
	return target{pid, own}.http(ctx, address, status)
}

// TCP wants a connection to HOST:PORT, or to :PORT of the container itself.
func (Prober) TCP(ctx context.Context, pid int, own []netip.Addr, address string) error {
	return target{pid, own}.tcp(ctx, address)
}

func (t target) http(ctx context.Context, address string, status int) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("read address of page: %w", err)
	}
	own := u.Hostname() == ""
	if own {
		u.Host = net.JoinHostPort("localhost", port(u))
	}
	client := http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, at string) (net.Conn, error) {
				host, port, err := net.SplitHostPort(at)
				if err != nil {
					return nil, err
				}
				if own {
					host = ""
				}
				return t.dial(ctx, host, port)
			},
			TLSClientConfig:        &tls.Config{InsecureSkipVerify: own},
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("ask for page: %w", err)
	}
	request.Header.Set("User-Agent", "strake-health")
	answer, err := client.Do(request)
	if err != nil {
		return plain(err)
	}
	defer answer.Body.Close()
	if got := answer.StatusCode; status != 0 && got != status || status == 0 && (got < 200 || got > 399) {
		return fmt.Errorf("the page answers with status %d", got)
	}
	return nil
}

// plain leaves out what is asked: whoever reads it knows.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

func (t target) tcp(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("read address: %w", err)
	}
	conn, err := t.dial(ctx, host, port)
	if err != nil {
		return err
	}
	return conn.Close()
}

// dial connects from within the container. A host's name is looked up by the
// host. Without a host the first of the container's addresses that takes the
// connection will do: a service may listen on one of them alone.
func (t target) dial(ctx context.Context, host, port string) (net.Conn, error) {
	list := append([]netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, t.addresses...)
	if host != "" {
		var err error
		if list, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host); err != nil {
			return nil, err
		}
	}
	var first error
	for _, a := range list {
		conn, err := t.connect(ctx, net.JoinHostPort(a.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// connect makes the socket on a thread of its own that enters the container's
// network namespace: it is not unlocked and ends with the goroutine, so
// nothing else ever runs there.
func (t target) connect(ctx context.Context, literal string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go thread.Apart(func() {
		if err := enter(t.pid); err != nil {
			done <- result{nil, err}
			return
		}
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", literal) // a literal is dialled in this goroutine
		done <- result{conn, err}
	})
	r := <-done
	return r.conn, r.err
}

func enter(pid int) error {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace of process %d: %w", pid, err)
	}
	return nil
}

// File wants something to be at the path, as the container sees it.
func (Prober) File(pid int, path string) error {
	root, err := unix.Open(fmt.Sprintf("/proc/%d/root", pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open root of process %d: %w", pid, err)
	}
	defer unix.Close(root)
	fd, err := scoped.Open(root, path, unix.O_PATH, scoped.InRoot)
	if err != nil {
		return &os.PathError{Op: "look for", Path: path, Err: err}
	}
	return unix.Close(fd)
}
