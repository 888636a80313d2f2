package lxc

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestCommand: liblxc parts the words at blanks, and what then runs has the
// arguments that were meant.
func TestCommand(t *testing.T) {
	for _, args := range [][]string{
		{"plain", "-x=1"}, {""}, {"a b", "", "  "}, {"it's", `"both"`, `it's "both"`}, {"line\nline\n", "\n"}, {"$HOME", "`id`", `\n`, "%s", "*", "ünï", "\t"},
	} {
		line := command(append([]string{"/usr/bin/printf", `%s\0`}, args...))
		if strings.Contains(line, "\n") {
			t.Errorf("%q became %q", args, line)
		}
		words := strings.Split(line, " ")
		out, err := exec.Command(words[0], words[1:]...).Output()
		if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); err != nil || !slices.Equal(got, args) {
			t.Errorf("%q became %s, which is %q, %v", args, line, got, err)
		}
	}
	if line := command([]string{"/bin/app", "--on=yes", "8080"}); line != "/bin/app --on=yes 8080" {
		t.Errorf("a plain command became %s", line)
	}
}
