package spec_test

import (
	"testing"
	"testing/quick"
	"time"

	"strake/spec"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestWindow is the table of spans: over midnight, by days, in zones, and over
// the two changes of clocks.
func TestWindow(t *testing.T) {
	night := spec.Window{From: "22:00", To: "04:00"}
	saturday := spec.Window{Days: []string{"sat"}, From: "22:00", To: "04:00"}
	berlin := spec.Window{From: "01:00", To: "05:00", Zone: "Europe/Berlin"}
	skipped := spec.Window{From: "02:10", To: "02:50", Zone: "Europe/Berlin"} // no such time on 2026-03-29
	for _, c := range []struct {
		name string
		w    spec.Window
		at   string
		open bool
		next string
	}{
		{"before", night, "2026-11-28T21:59:59Z", false, "2026-11-28T22:00:00Z"},
		{"opens", night, "2026-11-28T22:00:00Z", true, "2026-11-29T22:00:00Z"},
		{"after midnight", night, "2026-11-29T03:59:59Z", true, "2026-11-29T22:00:00Z"},
		{"closes", night, "2026-11-29T04:00:00Z", false, "2026-11-29T22:00:00Z"},
		{"the day it began on counts", saturday, "2026-11-29T03:00:00Z", true, "2026-12-05T22:00:00Z"}, // a Sunday
		{"friday", saturday, "2026-11-27T23:00:00Z", false, "2026-11-28T22:00:00Z"},
		{"saturday morning", saturday, "2026-11-28T03:00:00Z", false, "2026-11-28T22:00:00Z"},
		{"winter", berlin, "2026-01-10T00:30:00Z", true, "2026-01-11T00:00:00Z"},
		{"summer", berlin, "2026-07-09T23:30:00Z", true, "2026-07-10T23:00:00Z"},
		{"summer, an hour later is later", berlin, "2026-07-10T03:30:00Z", false, "2026-07-10T23:00:00Z"},
		{"clocks go forward: three hours", berlin, "2026-03-29T03:01:00Z", false, "2026-03-29T23:00:00Z"},
		{"clocks go back: five hours", berlin, "2026-10-25T03:59:00Z", true, "2026-10-26T00:00:00Z"},
		{"and not longer", berlin, "2026-10-25T04:00:00Z", false, "2026-10-26T00:00:00Z"},
		{"a time that is skipped comes later", skipped, "2026-03-29T01:20:00Z", true, "2026-03-30T00:10:00Z"},
	} {
		list := []spec.Window{c.w}
		if have := spec.Open(list, at(t, c.at)); have != c.open {
			t.Errorf("%s: open is %v", c.name, have)
		}
		if have := spec.Opens(list, at(t, c.at)); !have.Equal(at(t, c.next)) {
			t.Errorf("%s: opens next at %v, want %s", c.name, have.UTC(), c.next)
		}
	}
	if !spec.Open(nil, time.Now()) || !spec.Opens(nil, time.Now()).IsZero() {
		t.Error("without windows it is not open at all times")
	}
}

// TestWindowOpens: when the next one opens it is open, and it was not a moment before,
// or another one was.
func TestWindowOpens(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia"}
	err := quick.Check(func(unix uint32, zone, from, length uint8, day uint8) bool {
		days := []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
		open := time.Date(2000, 1, 1, int(from%24), int(from%60), 0, 0, time.UTC)
		w := []spec.Window{{
			Zone: zones[int(zone)%len(zones)], Days: days[day%7:],
			From: open.Format("15:04"), To: open.Add(time.Hour + time.Duration(length%20)*time.Hour).Format("15:04"),
		}}
		now := time.Unix(int64(unix), 0)
		next := spec.Opens(w, now)
		if next.IsZero() || !next.After(now) || next.After(now.Add(9*24*time.Hour)) {
			t.Logf("%+v at %v opens %v", w, now.UTC(), next)
			return false
		}
		return spec.Open(w, next)
	}, &quick.Config{MaxCount: 3000})
	if err != nil {
		t.Error(err)
	}
}
