package lxc

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// maxReasons bounds an error text: the first failures are the causes, what
// follows is liblxc unwinding.
const maxReasons = 6

// A line of an LXC log is
//
//	strake c1 20261122032206.135 ERROR    start - ../src/lxc/start.c:lxc_init:870 - Text
var logLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\S+ \S+ \d+\.\d+ (\S+)\s+(\S+) - (\S+) - (.*)$`) })

// reasons picks from an LXC log what explains a failure: the errors, and what
// a failing hook printed, which liblxc logs at level DEBUG.
func reasons(log []byte) string {
	var found []string
	for line := range strings.Lines(string(log)) {
		m := logLine().FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			continue
		}
		if text, ok := reason(m[1], m[4]); ok && !slices.Contains(found, text) {
			found = append(found, text)
		}
	}
	if len(found) > maxReasons {
		found = found[:maxReasons]
	}
	return strings.Join(found, "; ")
}

func reason(level, text string) (string, bool) {
	if _, said, ok := strings.Cut(text, "produced output: "); ok {
		return strings.TrimSpace(said), strings.TrimSpace(said) != ""
	}
	return text, level == "ERROR" || level == "FATAL" || level == "CRIT"
}
