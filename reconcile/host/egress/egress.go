// Package egress is the proxy that is a container's only way out: by HTTP and
// HTTPS, to the sites of a list. It knows who asks by the socket that is asked:
// one within the container's own network namespace (Listen), or one on a bridge
// whose filters hold everybody to their own address. It decrypts nothing.
//
// It does not make itself known: environment variables, firewall and records
// are others' business. A container that was never Set may do nothing.
//
// How several blocks of one container add up: what one of them denies is
// refused; what any of them allows, with its own ports, passes; limits are the
// tightest of all. With one in report mode passes and is noted what nothing
// allows, but never what is malformed, nor an address of the host itself, of a
// link or of a cloud's metadata.
package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strake/reconcile/resource"
	"time"
)

// Options of a proxy. All may be left out.
type Options struct {
	Log      func(Attempt)         // gets every attempt; called one at a time, must not block for long
	Resolver *net.Resolver         // nil: the host's
	Spent    map[string]Spent      // of an earlier proxy's Spent, by container
	Most     int                   // client connections of one container at a time; 0: 1,024
	Dialer   *net.Dialer           // for tests; nil: one that refuses what is not to be reached
	Own      func(netip.Addr) bool // for tests; nil: asks the kernel whether it is the host's own
}

// Attempt is what somebody wanted and got. A secret is never part of it.
type Attempt struct {
	Time      time.Time     `json:"time"`
	Container string        `json:"container"` // "": nobody that is known
	Method    string        `json:"method,omitempty"`
	Host      string        `json:"host,omitempty"` // as it is looked up: lower case, ASCII, no trailing dot
	Port      int           `json:"port,omitempty"`
	Address   string        `json:"address,omitempty"` // that it was connected to
	Verdict   Verdict       `json:"verdict"`
	Rule      string        `json:"rule,omitempty"` // "updates: *.debian.org", or why it was refused
	Sent      int64         `json:"sent,omitempty"` // bytes from the container
	Received  int64         `json:"received,omitempty"`
	Duration  time.Duration `json:"duration"`
	Open      bool          `json:"open,omitempty"`  // still under way: another follows at its end
	Count     int           `json:"count,omitempty"` // of equal ones within a second, where more than one
}

// Verdict of an attempt.
type Verdict string

const (
	Allowed  Verdict = "allowed"
	Refused  Verdict = "refused"
	Reported Verdict = "reported" // would be refused, but for report mode
	Failed   Verdict = "failed"   // allowed, and not reached
	Closed   Verdict = "closed"   // allowed, and then no longer
)

// Spent is what a container has used of a day's bytes.
type Spent struct {
	Day   string `json:"day"` // 2006-01-02, UTC
	Bytes int64  `json:"bytes"`
}

// Count is what a container's attempts of one verdict come to.
type Count struct {
	Container string
	Verdict   Verdict
	Attempts  int64
	Bytes     int64 // both ways
}

// ErrRule is a block that can't be made into rules.
var ErrRule = errors.New("is no rule of egress")

// Ways of a running proxy, each safe for use by many at a time:
//
//	p := egress.Open(egress.Options{Log: ...})
//	err := p.Set("blog", blocks, map[string]string{"updates": password}) // by name of block; live, atomic
//	l, err := egress.Listen(pid, "127.0.0.1:3128")                     // in the namespace of pid
//	p.Serve("blog", l)                                                 // returns at once; replaces an earlier one
//	p.ServeNetwork("lan", l, who)                                      // the same, on a bridge
//	p.Leave("blog")                                                    // stopped: no listener, no connection; rules stay
//	p.Forget("blog")                                                   // detached: not even rules
//	p.Counts(); p.Spent(); p.Close()
//
// A listener of Listen closes by itself when that init is gone, so it does not
// keep the dead namespace.
var _ interface {
	Set(container string, blocks []resource.Egress, passwords map[string]string) error
	Serve(container string, l net.Listener)
	ServeNetwork(network string, l net.Listener, who func(netip.Addr) (container string, ok bool))
	Leave(container string)
	LeaveNetwork(network string)
	Forget(container string)
	Counts() []Count
	Spent() map[string]Spent
	Drain(ctx context.Context) error
	Close() error
} = (*Proxy)(nil)
