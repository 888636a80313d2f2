// Package service speaks with the service manager that runs strake: it says
// that the agent is ready, reloads, still works, and what it is at, and it
// writes the log as journald's fields. Where there is no systemd, nothing of
// it does anything.
package service

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/coreos/go-systemd/v22/journal"
	"golang.org/x/sys/unix"
)

// Ready says that the agent works.
func Ready() { say(daemon.SdNotifyReady) }

// Reloading says that the configuration is read again; Ready ends that. systemd
// wants to know since when (sd_notify(3), Type=notify-reload).
func Reloading() {
	var at unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &at)
	say(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, at.Nano()/1000))
}

// Stopping says that the end has begun.
func Stopping() { say(daemon.SdNotifyStopping) }

// Status is a line for `systemctl status`.
func Status(line string) {
	line, _, _ = strings.Cut(line, "\n")
	say("STATUS=" + line)
}

func say(word string) { _, _ = daemon.SdNotify(false, word) } // nobody to say it to is no error

// Watchdog says that the agent still works for as long as alive says so, twice
// as often as it is asked to. It returns at once where nobody asks.
func Watchdog(ctx context.Context, alive func() bool) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every <= 0 {
		return
	}
	tick := time.NewTicker(every / 2)
	defer tick.Stop()
	for {
		if alive() {
			say(daemon.SdNotifyWatchdog)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Journal logs to journald with fields, where stderr leads there; false: it
// does not, and lines on stderr are what people get.
func Journal(level slog.Level) (slog.Handler, bool) {
	here, err := journal.StderrIsJournalStream()
	if err != nil || !here || !journal.Enabled() {
		return nil, false
	}
	return &fields{level: level, send: journal.Send}, true
}

// fields writes a record as a message with fields: STRAKE_CONTAINER=web1.
type fields struct {
	level slog.Level
	with  []slog.Attr
	send  func(message string, p journal.Priority, vars map[string]string) error
}

func (f *fields) Enabled(_ context.Context, l slog.Level) bool { return l >= f.level }

func (f *fields) Handle(_ context.Context, r slog.Record) error {
	vars := map[string]string{"SYSLOG_IDENTIFIER": "strake"}
	add := func(a slog.Attr) bool {
		if name, value := field(a.Key), a.Value.Resolve().String(); name != "" && value != "" {
			vars[name] = value
		}
		return true
	}
	for _, a := range f.with {
		add(a)
	}
	r.Attrs(add)
	return f.send(r.Message, priority(r.Level), vars)
}

func (f *fields) WithAttrs(list []slog.Attr) slog.Handler {
	g := *f
	g.with = append(append([]slog.Attr(nil), f.with...), list...)
	return &g
}

// WithGroup has no use here: fields of the journal are flat.
func (f *fields) WithGroup(string) slog.Handler { return f }

func priority(l slog.Level) journal.Priority {
	switch {
	case l >= slog.LevelError:
		return journal.PriErr
	case l >= slog.LevelWarn:
		return journal.PriWarning
	case l >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}

// field is the journal's name for a key: capitals, digits and underscores,
// at most 64 of them (systemd.journal-fields(7)).
func field(key string) string {
	name := "STRAKE_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, key)
	if key == "" || len(name) > 64 {
		return ""
	}
	return name
}
