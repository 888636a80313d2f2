package view

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"strake/reconcile/event"
)

// Told writes one line of the diary: when, what about, what happened, and why.
func Told(w io.Writer, e event.Event, s Style) error {
	at := e.Time.Local().Format("2006-01-02 15:04:05")
	p := newPrinter(w)
	if s.Plain {
		cells := []string{at, string(e.Kind), e.Container, e.Step, string(e.Outcome), why(e)}
		p.f("%s\n", strings.Join(Table{}.clean(cells, "-"), "\t"))
		return p.end()
	}
	line := s.paint(faint, at) + "  "
	if s.Bare {
		line = ""
	}
	line += s.paint(mood(e.Outcome), about(e)+": "+string(e.Outcome))
	if text := why(e); text != "" {
		line += ": " + Safe(text)
	}
	p.f("%s\n", line)
	return p.end()
}

// about is what an event is about.
func about(e event.Event) string {
	words := []string{e.Container, e.Step}
	if e.Kind == event.Run {
		words = []string{e.Command, e.Container, e.Stack}
	}
	if strings.Join(words, "") == "" {
		words = []string{string(e.Kind), cmp.Or(e.Source, e.Stack)}
	}
	return Safe(strings.Join(strings.Fields(strings.Join(words, " ")), " "))
}

func why(e event.Event) string {
	var list []string
	if e.Kind == event.Container && e.Outcome == event.Done && e.To != 0 {
		list = append(list, fmt.Sprintf("generation %d", e.To))
	}
	if e.Kind == event.Run && e.By != "" {
		list = append(list, "by "+e.By)
	}
	for _, text := range []string{e.State, ShortDigest(e.Commit), e.Message, e.Error} {
		if text != "" {
			list = append(list, text)
		}
	}
	return strings.Join(list, ", ")
}

func mood(o event.Outcome) tint {
	switch o {
	case event.Done, event.Gone:
		return green
	case event.Failed, event.Stuck, event.Undone, event.Flapping, event.Crashed, event.Damaged:
		return red
	case event.Refused, event.Kept, event.Skipped, event.Found, event.Waiting:
		return yellow
	}
	return ""
}
