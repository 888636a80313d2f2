package parts

import (
	"context"

	"strake/cmd/internal/healer"
	"strake/reconcile"
	"strake/reconcile/event"
)

// heal brings up what starts with the host, where nobody has since it came up,
// and mends drift from then on.
func (h hang) heal(ctx context.Context) error {
	e := h.a.Engine("agent")
	failed := h.failed(e)
	if _, err := e.BootOnce(ctx, 0); err != nil && ctx.Err() == nil {
		failed(err)
	}
	return (&healer.Healer{Engine: e, May: h.may, Failed: failed, Rest: h.Rest}).Run(ctx)
}

// failed tells of what went wrong in a part that goes on.
func (h hang) failed(e *reconcile.Engine) func(error) {
	return func(err error) { e.Tell(event.Event{Kind: event.Agent, Outcome: event.Failed, Error: err.Error()}) }
}

// may says whether drift of a stack's containers may be mended: a source that has
// it switched off keeps it so for its own stack. Others have what their policies say.
func (h hang) may(stack string) bool {
	s, known, err := h.Engine.State.Stack(stack)
	if err != nil || !known {
		return err == nil
	}
	for _, src := range h.conf.Sources {
		if src.Origin() == s.Origin {
			return src.Heal
		}
	}
	return true
}
