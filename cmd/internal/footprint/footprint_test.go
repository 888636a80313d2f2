package footprint

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// ofFiles is how much of files the process has, in kB (proc(5), RssFile).
func ofFiles(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`RssFile:\s+(\d+)`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no RssFile in\n%s", text)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestShrink: the program goes on with less of itself.
func TestShrink(t *testing.T) {
	list, err := programs()
	if err != nil || len(list) < 2 {
		t.Fatalf("areas of the program: %v, %v", list, err)
	}
	before := ofFiles(t)
	for range 3 {
		Shrink(0)
		if !regexp.MustCompile(`^(a|b)+$`).MatchString(strings.Repeat("ab", 100)) {
			t.Fatal("the program is another one")
		}
	}
	after := ofFiles(t)
	if after >= before {
		t.Errorf("%d kB of files, before %d", after, before)
	}
	held, err := resident()
	if err != nil || held < after<<10 {
		t.Fatalf("%d bytes resident, %d kB of files: %v", held, after, err)
	}
	Shrink(2 * held)
	if enough := ofFiles(t); enough < after {
		t.Errorf("%d kB of files where %d were not too much", enough, after)
	}
}
