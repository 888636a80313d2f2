package spec

import (
	"fmt"
	"io"
	"strings"
)

// Redacted stands for a sensitive value wherever one would be printed.
const Redacted = "(sensitive)"

// Sensitive is text that must not be seen: no way of printing it, and none of
// its encodings, shows it. It is behind a pointer because fmt looks into
// unexported fields of other structs without asking them.
type Sensitive struct{ text *string }

// Hide makes text sensitive.
func Hide(text string) Sensitive { return Sensitive{&text} }

// Reveal is the text, for the one place where it belongs.
func (s Sensitive) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String is Redacted.
func (s Sensitive) String() string { return Redacted }

// GoString is Redacted.
func (s Sensitive) GoString() string { return Redacted }

// Format is Redacted under every verb: fmt looks into a struct for %d.
func (s Sensitive) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// MarshalText is Redacted, in JSON and elsewhere.
func (s Sensitive) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MostSecret is how many bytes a sensitive value in the text may have.
const MostSecret = 64 << 10

// VariableFault says what keeps a sensitive value from being a line of the
// files that bring variables to logins and services, or nothing.
func VariableFault(value string) string {
	if len(value) > MostSecret {
		return fmt.Sprintf("has more than %d KiB", MostSecret>>10)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return "has a NUL, a line break or another control character"
	}
	return ""
}
