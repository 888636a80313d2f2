package lang_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"strake/spec/lang"
	"strake/spec/source"
)

// TestHostile holds text that somebody wrote to do harm: each is told in clear
// words, or works, and none takes long or much. What makes too much has a tenth
// of the bound to do so, and one of them all of it.
func TestHostile(t *testing.T) {
	env := func(expr string) string { return "container \"a\" {\n  environment = { A = " + expr + " }\n}\n" }
	var chain, wide strings.Builder
	chain.WriteString("locals {\n")
	for i := range 20_000 {
		fmt.Fprintf(&chain, "  l%d = local.l%d\n", i, (i+1)%20_000)
	}
	chain.WriteString("}\n")
	for i := range 5000 {
		fmt.Fprintf(&wide, "profile \"p%d\" {\n  profiles = [profile.p%d]\n}\n", i, (i+1)%5000)
	}
	wide.WriteString("container \"a\" {\n  profiles = [profile.p0]\n}\n")
	var huge strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&huge, "k%d = %d\n", i, i)
	}
	for name, c := range map[string]struct{ file, text, want string }{
		"NUL":                   {"t.hcl", "container \"a\" {}\n\x00", "NUL byte at offset 17"},
		"NUL in a string":       {"t.hcl", env(`"\u0000"`), "NUL"},
		"not UTF-8":             {"t.hcl", "container \"\xff\" {}\n", "byte 0xff at offset 11 is not UTF-8"},
		"not UTF-8, JSON":       {"t.hcl.json", "{\"container\": {\"\xc3\": {}}}", "is not UTF-8"},
		"CRLF":                  {"t.hcl", strings.ReplaceAll(env(`"x"`), "\n", "\r\n"), ""},
		"CR alone":              {"t.hcl", strings.ReplaceAll(env(`"x"`), "\n", "\r"), "error"},
		"byte order mark":       {"t.hcl", "\ufeff" + env(`"x"`), ""},
		"mark twice":            {"t.hcl", "\ufeff\ufeff" + env(`"x"`), ""},
		"mark, JSON":            {"t.hcl.json", "\ufeff{\"container\": {\"a\": {}}}", ""},
		"UTF-16":                {"t.hcl", "\xff\xfec\x00o\x00", "is not text"},
		"10 MB string":          {"t.hcl", env(`"` + strings.Repeat("x", 10<<20) + `"`), "too large: more than 4 MiB"},
		"3 MB string":           {"t.hcl", env(`length("` + strings.Repeat("x", 3<<20) + `")`), ""},
		"3 MB string, JSON":     {"t.hcl.json", `{"locals": {"x": "` + strings.Repeat("x", 3<<20) + `"}, "container": {"a": {"environment": {"A": "${length(local.x)}"}}}}`, ""},
		"3 MB variable":         {"t.hcl", env(`"` + strings.Repeat("x", 3<<20) + `"`), "has 3145731 bytes"},
		"3 MB name":             {"t.hcl", "container \"" + strings.Repeat("x", 3<<20) + "\" {}\n", "at most 63"},
		"3 MB heredoc":          {"t.hcl", "locals {\n  a = <<E\n" + strings.Repeat("line\n", 600_000) + "E\n}\n", "too many pieces"},
		"small heredoc":         {"t.hcl", "locals {\n  a = <<E\n" + strings.Repeat("\n", 60_000) + "E\n}\n", "too many pieces"},
		"fair heredoc":          {"t.hcl", "locals {\n  a = <<E\n" + strings.Repeat("line\n", 15_000) + "E\n}\n", ""},
		"lines in JSON":         {"t.hcl.json", `{"container": {"a": {"environment": {"A": "` + strings.Repeat(`\n`, 30_000) + `"}}}}`, "too many pieces"},
		"comment that goes on":  {"t.hcl", "/*" + strings.Repeat("x", 3<<20), "error"},
		"locals in a ring":      {"t.hcl", chain.String(), "locals refer to each other in a cycle"},
		"profiles in a ring":    {"t.hcl", wide.String(), "profiles use each other in a cycle"},
		"huge map":              {"t.hcl", "locals {\n m = {\n" + huge.String() + "}\n}\n" + env(`length(local.m)`), ""},
		"huge environment":      {"t.hcl", "container \"a\" {\nenvironment = {\n" + huge.String() + "}\n}\n", ""},
		"number of a billion":   {"t.hcl", env("1e1000000000"), "without end"},
		"number that is long":   {"t.hcl", env(strings.Repeat("9", 100_000)), ""},
		"small number":          {"t.hcl", "container \"a\" {\n limits {\n cpus = 1e-1000000000\n }\n}\n", "error"},
		"indented by a billion": {"t.hcl", env(`indent(2000000000, "a\nb")`), "at most 1000"},
		"format of a billion":   {"t.hcl", env(`format("%2000000000d", 1)`), ""},
		"product of ranges":     {"t.hcl", env(`length(setproduct(range(1000), range(1000), range(1000)))`), "more than 1000000 elements"},
		"loops in loops":        {"t.hcl", env(`length([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : [for d in range(1000) : "x"]]]])`), "oop over less"},
		"loops over locals":     {"t.hcl", "locals {\n  l = range(1000)\n}\n" + env(`length([for a in local.l : [for b in local.l : [for c in local.l : [for d in local.l : d]]]])`), "oop over less"},
		"loops for nothing":     {"t.hcl", "locals {\n  l = range(1000)\n}\n" + env(`length([for a in local.l : a if length([for b in local.l : b if length([for c in local.l : c if false]) > 0]) > 0])`), "oop over less"},
		"loops that are tried":  {"t.hcl", env(`try(length([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : "x"]]]), "1")`), "oop over less"},
		"loops in a text":       {"t.hcl", env(`"%{for a in range(1000)}%{for b in range(1000)}%{for c in range(1000)}x%{endfor}%{endfor}%{endfor}"`), "oop over less"},
		"widths in a loop":      {"t.hcl", env(`length([for a in range(1000) : format("%999999d", a)])`), "oop over less"},
		"widths in a row":       {"t.hcl", env(`length(format("` + strings.Repeat("%999999d", 5_000) + `", 1))`), "oop over less"},
		"written as YAML":       {"t.hcl", env(`length([for a in range(100) : yamlencode(range(1000))])`), ""},
		"much YAML":             {"t.hcl", env(`length([for a in range(1000) : yamlencode(range(1000))])`), "oop over less"},
		"joined by a text":      {"t.hcl", "locals {\n  t = format(\"%999999d\", 1)\n}\n" + env(`length(join(local.t, range(1000)))`), "oop over less"},
		"replaced by a text":    {"t.hcl", "locals {\n  t = format(\"%999999d\", 1)\n}\n" + env(`length(replace(local.t, " ", local.t))`), "oop over less"},
		"indented text":         {"t.hcl", "locals {\n  t = replace(format(\"%999999d\", 1), \" \", \"\\n\")\n}\n" + env(`length(indent(1000, local.t))`), "oop over less"},
		"text of texts":         {"t.hcl", "locals {\n  t = format(\"%999999d\", 1)\n}\n" + env(`length("`+strings.Repeat("${local.t}", 10_000)+`")`), "oop over less"},
		"lists in a row":        {"t.hcl", "locals {\n  a = [" + strings.Repeat("range(1000),", 100_000) + "]\n}\n", "oop over less"},
		"one list many times":   {"t.hcl", "locals {\n  a = range(1000)\n  b = length(concat(" + strings.Repeat("local.a,", 10_000) + "[]))\n}\n", "oop over less"},
		"loops, JSON":           {"t.hcl.json", `{"container": {"a": {"environment": {"A": "${length([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : a]]])}"}}}}`, "loop"},
		"fair loops":            {"t.hcl", env(`length(flatten([for a in range(300) : [for b in range(300) : "${a}-${b}"]]))`), ""},
		"text of %":             {"t.hcl", env(`"` + strings.Repeat("%", 100_000) + `"`), "too many pieces"},
		"text of $":             {"t.hcl", env(`"` + strings.Repeat("$", 100_000) + `"`), "too many pieces"},
		"some %":                {"t.hcl", env(`"` + strings.Repeat("%", 10_000) + `"`), ""},
		"many texts of %":       {"t.hcl", "locals {\n  a = [" + strings.Repeat(`"`+strings.Repeat("%", 10_000)+`",`, 10) + "]\n}\n", "too many pieces"},
		"text of %, not closed": {"t.hcl", `a = "` + strings.Repeat("%", 100_000), "too many pieces"},
		"long lines":            {"t.hcl", "locals {\n  a = <<E\n" + strings.Repeat(strings.Repeat("x", 198)+"\n", 19_000) + "E\n}\n", "too many pieces"},
		"text of $, JSON":       {"t.hcl.json", `{"container": {"a": {"environment": {"A": "` + strings.Repeat("$", 60_000) + `"}}}}`, "too many pieces"},
		"many arguments":        {"t.hcl", env(`coalesce(` + strings.Repeat("null, ", 20_000) + `"x")`), "oop over less"},
		"many lists":            {"t.hcl", env(`length(setunion(` + strings.Repeat("[1], ", 20_000) + `[]))`), "oop over less"},
		"50,000 arguments":      {"t.hcl", env(`length(concat(` + strings.Repeat("[1],", 50_000) + `[]))`), ""},
		"50,000 wrong ones":     {"t.hcl", env(`max(` + strings.Repeat(`"x",`, 50_000) + `1)`), "mistakes more"},
		"mixed list":            {"t.hcl", env(`length(tolist([` + strings.Repeat(`1, "a", true, `, 7000) + `]))`), "oop over less"},
		"list of one type":      {"t.hcl", env(`length(distinct([` + words(20_000) + `]))`), ""},
		"list of numbers":       {"t.hcl", env(`length(distinct([for a in [` + words(20_000) + `] : length(a)]))`), "oop over less"},
		"mixed variable":        {"t.hcl", "variable \"v\" {\n  type    = list(any)\n  default = [" + strings.Repeat(`1, "a", true, `, 7000) + "]\n}\n", "too large for the type"},
		"long turns":            {"t.hcl", env(`length([for p in setproduct(range(1000), range(900)) : 1` + strings.Repeat("+1", 9_000) + `])`), "oop over less"},
		"loops over one, JSON":  {"t.hcl.json", `{"locals": {"l": "${range(1000)}"}, "container": {"a": {"environment": {"A": "${length([for a in local.l : [for b in local.l : [for c in local.l : [for d in local.l : d]]]])}"}}}}`, "oop over less"},
		"loops in text, JSON":   {"t.hcl.json", `{"locals": {"l": "${range(1000)}"}, "container": {"a": {"environment": {"A": "%{for a in local.l}%{for b in local.l}%{for c in local.l}%{endfor}%{endfor}%{endfor}"}}}}`, "oop over less"},
		"secret key, JSON":      {"t.hcl.json", `{"variable": {"v": {"sensitive": true, "default": "k"}}, "locals": {"a": {"${var.v}": "1"}}}`, ""},
		"deep JSON":             {"t.hcl", "locals {\n  t = format(\"%999999d\", 1)\n}\n" + env(`length([for a in range(100) : jsondecode("`+strings.Repeat("[", 9_000)+`${local.t}`+strings.Repeat("]", 9_000)+`")])`), "oop over less"},
		"fair JSON":             {"t.hcl", env(`length([for a in range(1000) : jsondecode("{\"a\": [{\"b\": [1, 2, {}]}], \"c\": \"]]]\"}")])`), ""},
		"power":                 {"t.hcl", env(`pow(10, 1000000)`), "without end"},
		"regular expression":    {"t.hcl", env(`regex("(x{1000}){1000}", "x")`), "error"},
		"JSON of many keys":     {"t.hcl.json", `{"container": {"a": {"environment": {` + strings.Repeat(`"A": "1", `, 20_000) + `"B": "2"}}}}`, "mistakes more"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, c.file)
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := spent()
			part, bound := 1, 20*time.Second
			if strings.Contains(c.want, "oop over less") && name != "widths in a loop" {
				part, bound = 10, 6*time.Second // reading it costs what it costs
			}
			got := spoken(dir, part)
			if took := spent() - begin; took > bound {
				t.Errorf("took %v", took)
			}
			if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 2<<30 {
				t.Errorf("allocated %d MiB", (after.TotalAlloc-before.TotalAlloc)>>20)
			}
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("want %q, got %.600s", c.want, got)
			}
			for line := range strings.Lines(got) {
				if len(line) > 2000 {
					t.Errorf("a line of %d bytes: %.300s", len(line), line)
				}
			}
		})
	}
}

// spent is the processor time of this process: what else the machine does
// does not count.
func spent() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// words are n different ones in quotes.
func words(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\"w%d\", ", i)
	}
	return b.String()
}

// spoken is what is said of the configuration in a folder, by one who may make
// a part of what Load may.
func spoken(dir string, part int) string {
	text, err := source.Read(dir)
	if err != nil {
		return "error: " + err.Error()
	}
	_, diags := lang.LoadWithin(part, text, lang.Variables{})
	return diags.Error()
}
