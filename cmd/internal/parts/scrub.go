package parts

import (
	"context"
	"fmt"
	"time"
)

// A scrub lets the agent's start, and that of all that starts with the host, be
// over first; what went wrong it tries again much later.
const (
	settles = time.Minute
	retries = 10 * time.Minute
)

// scrub reads what containers are made of again, one thing at a time, so that
// each is read as often as the configuration says. The engine tells what it finds.
func (h hang) scrub(ctx context.Context) error {
	e := h.a.Engine("agent")
	failed := h.failed(e)
	timer := time.NewTimer(min(settles, h.conf.Scrub/100))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		done, next, err := e.Scrub(ctx, h.conf.Scrub)
		if err != nil && ctx.Err() == nil {
			failed(fmt.Errorf("scrub: %w", err))
			next = time.Now().Add(retries)
		}
		if done && h.Rest != nil {
			h.Rest()
		}
		timer.Reset(max(0, time.Until(next)))
	}
}
