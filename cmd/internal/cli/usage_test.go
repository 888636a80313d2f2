package cli

import (
	"strings"
	"testing"
)

// TestUsage: what is wrong on the command line is 64, said on stderr, with
// what may have been meant.
func TestUsage(t *testing.T) {
	b := newBench(t)
	for line, says := range map[string]string{
		"":                              "COMMANDS",
		"aply":                          "did you mean apply?",
		"xyzzy":                         "unknown command xyzzy",
		"restart -y c1":                 "unknown option -y; see strake restart --help",
		"--bogus list":                  "unknown option --bogus",
		"--state-dir":                   "; see strake --help",
		"list --jsno":                   "did you mean --json?",
		"status --wacth":                "did you mean --watch?",
		"create":                        "NAME is missing",
		"update":                        "NAME is missing",
		"start":                         "NAME is missing",
		"start a b":                     "too many arguments",
		"show-ip":                       "NAME is missing",
		"run c1":                        "CMD is missing",
		"run c1 --":                     "CMD is missing",
		"rollback":                      "NAME is missing",
		"rollback c1 x":                 "no generation's number",
		"rollback --stack s 1 2":        "too many arguments",
		"switch-generation c1":          "N is missing",
		"diff-generations c1":           "A is missing",
		"delete-generations c1":         "SPEC is missing",
		"delete-generations c1 yes":     "not understood",
		"pin c1":                        "N is missing",
		"pin c1 0":                      "no generation's number",
		"render":                        "NAME is missing",
		"render c1 --format xml":        "--format is",
		"list-generations c1 --stack s": "name one",
		"completion":                    "SHELL is missing",
		"completion fihs":               "did you mean fish?",
		"plan a b":                      "too many arguments",
		"plan --var x":                  "NAME=VALUE",
		"list --color blue":             "--color is",
		"stop c1 --timeout soon":        "invalid value",
		"images x":                      "too many arguments",
		"gc now":                        "too many arguments",
		"hook":                          "NAME is missing",
	} {
		e := b.run(strings.Fields(line)...)
		if e.code != 64 {
			t.Errorf("%q: exit %d, want 64\n%s", line, e.code, e.err)
		}
		if !strings.Contains(e.err, says) {
			t.Errorf("%q: no %q in %q", line, says, e.err)
		}
		if e.out != "" {
			t.Errorf("%q: stdout has %q", line, e.out)
		}
	}
}

// TestRoot: what needs the host needs root; what only needs text does not.
func TestRoot(t *testing.T) {
	b := newBench(t)
	b.uid = 1000
	b.write("a.hcl", web(""))
	for _, line := range []string{
		"plan", "apply", "create c1", "update c1", "status", "list-generations", "rollback c1", "start c1", "stop c1", "run c1 -- true",
		"destroy c1", "forget c1", "gc", "pin c1 1", "images", "networks", "hook c1", "render c1 --format lxc", "exists c1",
	} {
		if e := b.run(strings.Fields(line)...); e.code != 3 || !strings.Contains(e.err, "must be root") {
			t.Errorf("%q: exit %d, %q", line, e.code, e.err)
		}
	}
	for _, line := range []string{"validate", "fmt --check", "render c1 --format spec", "version", "--version", "man", "completion bash", "--help", "help plan", "plan --help"} {
		if e := b.run(strings.Fields(line)...); e.code != 0 && e.code != 2 || e.out+e.err == "" && line != "fmt --check" {
			t.Errorf("%q: exit %d, %q %q", line, e.code, e.out, e.err)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"plan", "plan", 0}, {"plna", "plan", 1}, {"pla", "plan", 1}, {"plans", "plan", 1}, {"blan", "plan", 1}, {"", "ab", 2}, {"abcd", "wxyz", 4}} {
		if have := distance(c.a, c.b); have != c.want {
			t.Errorf("from %q to %q it is %d, want %d", c.a, c.b, have, c.want)
		}
	}
}

// TestArrange: options may stand anywhere, and what is to be run is not touched.
func TestArrange(t *testing.T) {
	app := (&run{}).app()
	for line, want := range map[string]string{
		"apply x.hcl -y":                     "apply -y -- x.hcl",
		"apply x.hcl --message m --json":     "--json apply --message m -- x.hcl",
		"list --state-dir=/x":                "--state-dir=/x status --",
		"--json list --color never":          "--json --color never status --",
		"fmt -":                              "fmt -- -",
		"run c1 -- ls -la --json":            "run -- c1 -- ls -la --json",
		"run c1 ls -la":                      "run -- c1 ls -la",
		"run -- c1 ls -la":                   "run -- c1 ls -la",
		"run --dir / c1 -- ls":               "run --dir / -- c1 -- ls",
		"delete-generations c1 +5 --dry-run": "delete-generations --dry-run -- c1 +5",
		"hook c1 c1 lxc pre-start":           "hook c1 c1 lxc pre-start",
		"help apply":                         "apply --help",
		"plan -- -odd-":                      "plan -- -odd-",
		"no-such --flag":                     "no-such --flag",
	} {
		if have := strings.Join(arrange(app, strings.Fields(line)), " "); have != want {
			t.Errorf("%q is arranged to %q, want %q", line, have, want)
		}
	}
}
