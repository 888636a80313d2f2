package inlet

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Inlet is a port of the host that leads to one of a container.
type Inlet struct {
	listener *net.TCPListener
	seeds    *Seeds
	to       int

	mu     sync.Mutex
	under  map[*net.TCPConn]struct{} // the clients' side of what is under way
	closed bool
	all    sync.WaitGroup
}

const (
	// most connections at a time: two descriptors each.
	most = 1024
	// dialTime is how long the container's program may take to be reached.
	dialTime = 10 * time.Second
	// pause is for a host that has no more descriptors.
	pause = 50 * time.Millisecond
)

// Open serves at once. The seeds are the caller's.
func Open(l *net.TCPListener, s *Seeds, to int) *Inlet {
	i := &Inlet{listener: l, seeds: s, to: to, under: map[*net.TCPConn]struct{}{}}
	go i.serve()
	return i
}

// To is the port in the container.
func (i *Inlet) To() int { return i.to }

// Listener is what a successor gets.
func (i *Inlet) Listener() *net.TCPListener { return i.listener }

func (i *Inlet) serve() {
	for {
		c, err := i.listener.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(pause)
		case !i.enter(c):
			c.Close()
		default:
			go i.lead(c)
		}
	}
}

func (i *Inlet) enter(c *net.TCPConn) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || len(i.under) >= most {
		return false
	}
	i.under[c] = struct{}{}
	i.all.Add(1)
	return true
}

func (i *Inlet) leave(c *net.TCPConn) {
	c.Close()
	i.mu.Lock()
	delete(i.under, c)
	i.mu.Unlock()
	i.all.Done()
}

func (i *Inlet) lead(client *net.TCPConn) {
	defer i.leave(client)
	ctx, cancel := context.WithTimeout(context.Background(), dialTime)
	inside, err := i.seeds.Dial(ctx, i.to)
	cancel()
	if err != nil {
		_ = client.SetLinger(0) // refused, as it is inside
		return
	}
	defer inside.Close()
	done := make(chan struct{})
	go func() { defer close(done); pass(inside, client) }()
	pass(client, inside)
	<-done
}

// pass copies until the end of src, and tells dst of it; the other way may go
// on. After an error it can't.
func pass(dst, src *net.TCPConn) {
	if _, err := io.Copy(dst, src); err == nil && dst.CloseWrite() == nil {
		return
	}
	dst.Close()
	src.Close()
}

// Close ends it, with all that is under way.
func (i *Inlet) Close() {
	i.listener.Close()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	for c := range i.under {
		c.Close()
	}
}

// Drain listens no more, and waits for what is under way, or for ctx.
func (i *Inlet) Drain(ctx context.Context) {
	i.listener.Close()
	stop := context.AfterFunc(ctx, i.Close)
	defer stop()
	i.all.Wait()
}
