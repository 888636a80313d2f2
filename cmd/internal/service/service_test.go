package service

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
)

// TestFields: what is logged comes to the journal with its fields.
func TestFields(t *testing.T) {
	var said string
	var as journal.Priority
	var vars map[string]string
	log := slog.New(&fields{level: slog.LevelInfo, send: func(m string, p journal.Priority, v map[string]string) error {
		said, as, vars = m, p, v
		return nil
	}})
	log.Debug("not this")
	log.With("source", "site").Warn("rolled back", "container", "web1", "run.id", 7, strings.Repeat("x", 80), 1)
	if said != "rolled back" || as != journal.PriWarning || vars["STRAKE_CONTAINER"] != "web1" || vars["STRAKE_SOURCE"] != "site" || vars["STRAKE_RUN_ID"] != "7" || len(vars) != 4 {
		t.Errorf("%q %d %v", said, as, vars)
	}
}

// TestNotify: what systemd would hear.
func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000")
	heard := func() string {
		buf := make([]byte, 1000)
		_ = l.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := l.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	for _, c := range []struct {
		say  func()
		want string
	}{
		{Ready, "READY=1"}, {Reloading, "RELOADING=1\nMONOTONIC_USEC="}, {Stopping, "STOPPING=1"},
		{func() { Status("two\nlines") }, "STATUS=two"},
	} {
		c.say()
		if got := heard(); !strings.HasPrefix(got, c.want) {
			t.Errorf("heard %q, not %q", got, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { Watchdog(ctx, func() bool { return true }); close(ended) }()
	for range 3 {
		if got := heard(); got != "WATCHDOG=1" {
			t.Errorf("heard %q", got)
		}
	}
	cancel()
	<-ended
	t.Setenv("WATCHDOG_USEC", "")
	Watchdog(t.Context(), nil) // nobody asks
}
