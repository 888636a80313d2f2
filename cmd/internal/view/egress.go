package view

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"strake/reconcile/host/egress"
)

// JSONLine prints one document in a line of its own.
func JSONLine(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

// Attempt is a line of `strake egress log`. What a container wrote comes out
// harmless.
func Attempt(a egress.Attempt, plain bool) string {
	at, verdict := a.Time.Local().Format("2006-01-02 15:04:05"), string(a.Verdict)
	where := net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
	if a.Host == "" {
		where = "-"
	}
	if plain {
		return strings.Join([]string{
			a.Time.UTC().Format(time.RFC3339Nano), verdict, a.Method, Safe(where), Safe(a.Rule),
			strconv.FormatInt(a.Sent, 10), strconv.FormatInt(a.Received, 10), strconv.FormatInt(a.Duration.Milliseconds(), 10),
		}, "\t")
	}
	line := fmt.Sprintf("%s  %-8s  %-7s %s", at, verdict, Safe(a.Method), Safe(where))
	if a.Rule != "" {
		line += "  (" + Safe(a.Rule) + ")"
	}
	switch {
	case a.Open:
		line += "  under way"
	case a.Sent+a.Received > 0:
		line += fmt.Sprintf("  %s sent, %s received in %s", cmp.Or(Size(a.Sent), "nothing"), cmp.Or(Size(a.Received), "nothing"), a.Duration.Round(time.Millisecond))
	}
	if a.Count > 1 {
		line += fmt.Sprintf("  %d times", a.Count)
	}
	return line
}

// EgressBlock is a block that allows these hosts, in the language's own form.
func EgressBlock(name string, allow []string, ports []int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "egress %q {\n  allow = [\n", name)
	for _, host := range allow {
		fmt.Fprintf(&text, "    %q,\n", host)
	}
	numbers := make([]string, len(ports))
	for i, n := range ports {
		numbers[i] = strconv.Itoa(n)
	}
	fmt.Fprintf(&text, "  ]\n  ports = [%s]\n}\n", strings.Join(numbers, ", "))
	return text.String()
}
