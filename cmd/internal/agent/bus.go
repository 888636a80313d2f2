package agent

import (
	"sync"

	"strake/reconcile/event"
)

// bus hands events to whoever listens.
type bus struct {
	mu   sync.Mutex
	next int
	to   map[int]chan event.Event
}

// backlog is how many events somebody may be behind before they miss some.
const backlog = 1024

func (b *bus) subscribe() (<-chan event.Event, func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.to == nil {
		b.to = map[int]chan event.Event{}
	}
	id, c := b.next, make(chan event.Event, backlog)
	b.next++
	b.to[id] = c
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.to[id] != nil {
			delete(b.to, id)
			close(c)
		}
	}
}

func (b *bus) tell(e event.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.to {
		select {
		case c <- e:
		default: // too slow: an event of a container is not worth waiting for
		}
	}
}
