package spec

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestSensitive prints a hidden text in every way there is.
func TestSensitive(t *testing.T) {
	v := struct {
		A Confidential
		B *Sensitive
		C map[string]Sensitive
		d Sensitive
	}{Confidential{Text: Hide("hunter2")}, new(Sensitive), map[string]Sensitive{"x": Hide("hunter2")}, Hide("hunter2")}
	*v.B = Hide("hunter2")
	for _, verb := range strings.Split("%v %+v %#v %s %q %x %X %d %t %e %p %T %U %c", " ") {
		for _, arg := range []any{v, v.A, v.A.Text, v.B, v.C, &v} {
			if got := fmt.Sprintf(verb, arg); strings.Contains(got, "hunter2") || strings.Contains(strings.ToLower(got), "68756e746572") {
				t.Errorf("%s of %T shows it", verb, arg)
			}
		}
	}
	text, err := json.Marshal(v)
	if err != nil || strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), Redacted) {
		t.Errorf("JSON: %s, %v", text, err)
	}
	if v.d.Reveal() != "hunter2" {
		t.Error("Reveal does not")
	}
}
