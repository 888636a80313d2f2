package egress

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// How long a client may take for a head, and may keep a connection without a
// request.
const (
	headTime = 10 * time.Second
	idleTime = 60 * time.Second
)

// refused stands for a head with a fault: net/http reads a request that is
// whole, in its turn, and the handler finds the fault beside it.
const refused = "GET http://refused.invalid/ HTTP/1.1\r\nHost: refused.invalid\r\nConnection: close\r\n\r\n"

// conn is a client's connection. It lets a request's head through once it is
// whole and without fault; after the head of a request with a body, all that
// follows. So such a request is the last one on its connection: where its
// body ends, nobody has to find out twice. After that of a CONNECT nothing: the
// rest is the tunnel's.
type conn struct {
	*net.TCPConn
	guest *guest
	over  sync.Once

	deadline struct {
		sync.Mutex
		given time.Time     // by net/http
		head  time.Time     // of the head that has begun
		set   chan struct{} // closed when net/http gives another; nil: nobody waits for it
	}

	in      []byte // received, and not passed on yet
	ready   int    // of which so many may be
	passing bool   // no more heads: all may
	silent  bool   // nor anything else: what follows is for the tunnel
	ended   bool

	heads struct {
		sync.Mutex
		list []head
	}
}

// next is the head of the request that net/http has read last.
func (c *conn) next() head {
	c.heads.Lock()
	defer c.heads.Unlock()
	if len(c.heads.list) == 0 {
		return head{fault: malformed("no request")}
	}
	h := c.heads.list[0]
	c.heads.list = c.heads.list[1:]
	return h
}

func (c *conn) push(h head) {
	c.heads.Lock()
	c.heads.list = append(c.heads.list, h)
	c.heads.Unlock()
}

// Read is net/http's, by one reader at a time.
func (c *conn) Read(p []byte) (int, error) {
	for {
		if c.ready > 0 || c.passing && len(c.in) > 0 {
			return c.hand(p), nil
		}
		switch {
		case c.silent:
			return 0, c.wait(io.EOF) // until the connection is the tunnel's
		case c.passing:
			n, err := c.TCPConn.Read(p)
			return n, c.patient(p, err)
		case c.ended:
			return 0, io.EOF
		}
		if c.take() {
			continue
		}
		c.in = slices.Grow(c.in, 1024)
		n, err := c.TCPConn.Read(c.in[len(c.in):cap(c.in)])
		if n > 0 && len(c.in) == 0 {
			c.limit(time.Now().Add(headTime))
		}
		c.in = c.in[:len(c.in)+n]
		if n == 0 && err != nil {
			if c.slow(err) {
				c.substitute(head{fault: errSlow})
				continue
			}
			return 0, c.patient(p, err)
		}
	}
}

// patience is how long an answer may take after its client has said that it
// will ask for nothing more.
const patience = time.Minute

// patient keeps the end of a client's words from net/http for as long as a
// request is under way: it would take it for the end of the client and give the
// request up, but a client may well send FIN and wait for its answer. What reads
// aside meanwhile is known by its reading of a single byte.
func (c *conn) patient(p []byte, err error) error {
	if err != io.EOF || len(p) != 1 {
		return err
	}
	return c.wait(err)
}

// wait ends when net/http wants no more of what it reads aside.
func (c *conn) wait(late error) error {
	c.deadline.Lock()
	if t := c.deadline.given; !t.IsZero() && !time.Now().Before(t) {
		c.deadline.Unlock()
		return os.ErrDeadlineExceeded
	}
	set := make(chan struct{})
	c.deadline.set = set
	c.deadline.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-set:
		return os.ErrDeadlineExceeded
	case <-timer.C:
		return late
	}
}

// hand passes on what may be.
func (c *conn) hand(p []byte) int {
	may := len(c.in)
	if !c.passing || c.ready > 0 {
		may = c.ready
	}
	n := copy(p, c.in[:may])
	c.ready = max(0, c.ready-n)
	if c.in = c.in[n:]; len(c.in) == 0 {
		c.in = nil // an idle connection keeps no memory
	}
	return n
}

// take looks for a whole head at the front of what was received.
func (c *conn) take() bool {
	end, wrong := headEnd(c.in)
	switch {
	case wrong != nil:
		c.substitute(head{fault: wrong})
		return true
	case end == 0:
		return false
	}
	h := readHead(c.in[:end])
	if h.fault != nil {
		c.substitute(h)
		return true
	}
	c.limit(time.Time{})
	c.push(h)
	c.ready, c.passing, c.silent = end, h.body || h.upgrade, h.connect
	return true
}

// words are what the client of a tunnel says.
func (c *conn) words(p []byte) (int, error) {
	if len(c.in) == 0 {
		return c.TCPConn.Read(p)
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

// early is what it has said along with the head.
func (c *conn) early() []byte {
	text := c.in
	c.in = nil
	return text
}

func (c *conn) substitute(h head) {
	c.limit(time.Time{})
	c.push(h)
	c.in, c.ready, c.ended = []byte(refused), len(refused), true
}

// slow says whether it is the head's own time that is over: net/http sets
// times, too, to end a read that it has begun aside.
func (c *conn) slow(err error) bool {
	c.deadline.Lock()
	defer c.deadline.Unlock()
	return errors.Is(err, os.ErrDeadlineExceeded) && !c.deadline.head.IsZero() && !time.Now().Before(c.deadline.head)
}

func (c *conn) limit(t time.Time) {
	c.deadline.Lock()
	defer c.deadline.Unlock()
	if c.deadline.head.Equal(t) {
		return
	}
	c.deadline.head = t
	_ = c.TCPConn.SetReadDeadline(sooner(c.deadline.given, t))
}

// SetReadDeadline is net/http's; the head's own is kept where it is sooner.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.deadline.Lock()
	defer c.deadline.Unlock()
	c.deadline.given = t
	if c.deadline.set != nil {
		close(c.deadline.set)
		c.deadline.set = nil
	}
	return c.TCPConn.SetReadDeadline(sooner(t, c.deadline.head))
}

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// sooner of two times, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// ReadFrom and WriteTo are not promoted: what passes a head would pass them by.
func (c *conn) ReadFrom(r io.Reader) (int64, error) { return c.TCPConn.ReadFrom(r) }
func (c *conn) WriteTo(w io.Writer) (int64, error)  { return io.Copy(w, onlyReader{c}) }

type onlyReader struct{ io.Reader }

// Close ends the connection, once. Requests whose turn never came are on record,
// too: net/http answers by itself what it can't read, as "%zz" in a path.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.over.Do(func() {
		c.guest.gone(c)
		err = c.TCPConn.Close()
		c.heads.Lock()
		left := c.heads.list
		c.heads.list = nil
		c.heads.Unlock()
		for _, h := range left {
			h.fault = errUnread
			c.guest.begin(c, h).finish()
		}
	})
	return err
}
