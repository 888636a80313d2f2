package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 100}, 3}} {
		if got := (figure{Samples: c.samples}).median(); got != c.want {
			t.Errorf("median of %v: %v, not %v", c.samples, got, c.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	of := func(s ...float64) figure { return figure{Unit: "s", Samples: s} }
	for _, c := range []struct {
		checks []check
		want   string
	}{
		{[]check{ratio("", of(2), of(1), 2)}, "pass"},
		{[]check{ratio("", of(2.1), of(1), 2)}, "**fail**"},
		{[]check{faster("", of(1), of(30), 30)}, "pass"},
		{[]check{faster("", of(1), of(29), 30)}, "**fail**"},
		{[]check{ratio("", of(1), of(1), 2), faster("", of(1), of(), 30)}, "pass, as far as measured"},
		{[]check{ratio("", of(3), of(1), 2), faster("", of(1), of(), 30)}, "**fail**"},
	} {
		if got := (row{Checks: c.checks}).verdict(); got != c.want {
			t.Errorf("%v: %s, not %s", c.checks, got, c.want)
		}
	}
}

func TestInsert(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	for _, text := range []string{"one\n", "two\n"} { // a new file, then its own work
		if err := insert(path, text); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, path); got != "# reconcile\n\n## Speed\n\n"+beginMark+"\ntwo\n"+endMark+"\n" {
		t.Errorf("new file: %q", got)
	}
	if err := os.WriteFile(path, []byte("before\n"+beginMark+"\nold\n"+endMark+"\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := insert(path, "new\n"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "before\n"+beginMark+"\nnew\n"+endMark+"\nafter\n" {
		t.Errorf("between the marks: %q", got)
	}
	if err := os.WriteFile(path, []byte("before\n"+beginMark+"\nold\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := insert(path, "new\n"); err == nil || !strings.Contains(read(t, path), "old") {
		t.Errorf("a mark without its end: %v", err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestChosen(t *testing.T) {
	if got, err := chosen("3, 1,3"); err != nil || !slices.Equal(got, []int{1, 3}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"0", strconv.Itoa(lastRow + 1), "one", "1,,2"} {
		if got, err := chosen(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
	if o, err := parse([]string{"-rows", "2"}); err != nil || o.Table != "" {
		t.Errorf("half a table would be published: %v, %v", o, err)
	}
}
