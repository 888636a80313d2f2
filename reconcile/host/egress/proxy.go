package egress

import (
	"context"
	"net"
	"net/netip"
	"strake/reconcile/resource"
)

// Proxy serves containers. Open makes one.
type Proxy struct{ options Options }

// Open makes a proxy that serves nobody yet.
func Open(o Options) *Proxy { return &Proxy{options: o} }

func (p *Proxy) Set(container string, blocks []resource.Egress, passwords map[string]string) error {
	return nil
}
func (p *Proxy) Serve(container string, l net.Listener) {
	if l, ok := l.(*Listener); ok {
		l.watch(func() { l.Close() })
	}
}
func (p *Proxy) ServeNetwork(network string, l net.Listener, who func(netip.Addr) (string, bool)) {
}
func (p *Proxy) Leave(container string)          {}
func (p *Proxy) LeaveNetwork(network string)     {}
func (p *Proxy) Forget(container string)         {}
func (p *Proxy) Counts() []Count                 { return nil }
func (p *Proxy) Spent() map[string]Spent         { return nil }
func (p *Proxy) Drain(ctx context.Context) error { return nil }
func (p *Proxy) Close() error                    { return nil }
