package lang_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strake/spec"
	"strake/spec/format"
	"strake/spec/lang"
	"strake/spec/source"
)

func one(name, text string) source.Text {
	return source.Text{Name: "t", Files: []source.File{{Name: name, Bytes: []byte(text)}}}
}

// TestDeep holds text that would end the process if it were parsed as it is.
func TestDeep(t *testing.T) {
	const n = 1 << 18
	for name, c := range map[string]struct{ file, text string }{
		"parens":   {"t.hcl", "locals {\n  a = " + strings.Repeat("(", n) + strings.Repeat(")", n) + "\n}\n"},
		"lists":    {"t.hcl", "locals {\n  a = " + strings.Repeat("[", n)},
		"blocks":   {"t.hcl", strings.Repeat("a {\n", n)},
		"not":      {"t.hcl", "locals {\n  a = " + strings.Repeat("!", n) + "true\n}\n"},
		"minus":    {"t.hcl", "locals {\n  a = " + strings.Repeat("- ", n) + "1\n}\n"},
		"plus":     {"t.hcl", "locals {\n  a = 1" + strings.Repeat("+1", n) + "\n}\n"},
		"question": {"t.hcl", "locals {\n  a = " + strings.Repeat("true?1:", n/2) + "1\n}\n"},
		"index":    {"t.hcl", "locals {\n  a = x" + strings.Repeat("[*]", n/2) + "\n}\n"},
		"template": {"t.hcl", "locals {\n  a = " + strings.Repeat(`"${`, n) + "\n}\n"},
		"json":     {"t.hcl.json", strings.Repeat("[", n)},
		"json sum": {"t.hcl.json", `{"locals": {"a": "${1` + strings.Repeat("+1", n) + `}"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := faults(one(c.file, c.text), lang.Variables{})
			if !strings.Contains(got, "nested more than") && !strings.Contains(got, "operators") {
				t.Errorf("%.300s", got)
			}
		})
	}
}

// TestMany keeps large honest text below those bounds.
func TestMany(t *testing.T) {
	for name, text := range map[string]string{"blocks": many(3000), "list": "locals {\n  a = [\n" + strings.Repeat("    { a = 1 + 2, b = [!true, -1] },\n", 20000) + "  ]\n}\n"} {
		if got := faults(one("t.hcl", text), lang.Variables{}); got != "" {
			t.Errorf("%s: %.300s", name, got)
		}
	}
}

// many is n containers, each written out.
func many(n int) string {
	var b strings.Builder
	b.WriteString("network \"n\" {\n  ipv4 = \"10.0.0.1/8\"\n}\nprofile \"p\" {\n  limits {\n    memory = \"64MiB\"\n  }\n}\n")
	for i := range n {
		fmt.Fprintf(&b, "container \"c%d\" {\n  profiles = [profile.p]\n  hostname = \"h%d\"\n  environment = { A = \"${upper(\"x\")}\", B = \"2\" }\n", i, i)
		if i > 0 {
			fmt.Fprintf(&b, "  depends_on = [container.c%d]\n", i-1)
		}
		fmt.Fprintf(&b, "  nic \"eth0\" {\n    network = network.n\n    ipv4 = \"10.%d.%d.2\"\n  }\n}\n", i/250+1, i%250)
	}
	return b.String()
}

const manyEach = `
network "n" {
  ipv4 = "10.0.0.1/8"
}
locals {
  ids = toset([for p in setproduct(range(100), range(100)) : format("%02d-%02d", p[0], p[1])])
}
container "c" {
  for_each    = local.ids
  hostname    = "h-${each.key}"
  environment = { A = each.value, B = upper("x") }
  limits {
    memory = "64MiB"
  }
  nic "eth0" {
    network = network.n
  }
}
container "last" {
  depends_on = [container.c]
}
`

// TestTenThousand is a coarse bound that only something quadratic misses.
func TestTenThousand(t *testing.T) {
	for name, text := range map[string]string{"blocks": many(10_000), "for_each": manyEach} {
		start := spent()
		s, diags := lang.Load(one("t.hcl", text), lang.Variables{})
		if len(diags) > 0 || len(s.Containers) < 10_000 {
			t.Fatalf("%s: %d containers, %.300v", name, len(s.Containers), diags)
		}
		if took := spent() - start; took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for name, text := range map[string]string{"blocks": many(10_000), "for_each": manyEach} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, diags := lang.Load(one("t.hcl", text), lang.Variables{}); len(diags) > 0 {
					b.Fatal(diags)
				}
			}
		})
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	for name, text := range map[string]string{
		"root/a.txt": "A", "root/t.tftpl": "port ${port}%{ for h in hosts } ${upper(h)}%{ endfor }", "root/bad.tftpl": "${nope}",
		"root/self.tftpl": `${templatefile("self.tftpl", {})}`, "out.txt": "secret",
		"root/any.bin": "\xef\xbb\xbf\xff\x00", "root/large.bin": strings.Repeat("\x00", source.MaxFile+1),
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../out.txt", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	for expr, want := range map[string]string{
		`file("a.txt")`: "A", `filebase64("a.txt")`: "QQ==", `fileexists("a.txt")`: "true", `fileexists("b.txt")`: "false",
		`filebase64("any.bin")`:                                      "77u//wA=",
		`try(file("any.bin"), "no")`:                                 "no",
		`try(filebase64("large.bin"), "no")`:                         "no",
		`try(filebase64("link"), "no")`:                              "no",
		`join(",", fileset(".", "*.txt"))`:                           "a.txt",
		`templatefile("t.tftpl", { port = 80, hosts = ["a", "b"] })`: "port 80 A B",
		`try(file("link"), "no")`:                                    "no",
		`try(file("../out.txt"), "no")`:                              "no",
		`try(file("` + dir + `/out.txt"), "no")`:                     "no",
		`try(templatefile("bad.tftpl", {}), "no")`:                   "no",
		`try(templatefile("self.tftpl", {}), "no")`:                  "no",
		`try(templatefile("../out.txt", {}), "no")`:                  "no",
		`can(fileexists("link"))`:                                    "false",
		`cidrhost("10.0.0.0/8", 5)`:                                  "10.0.0.5",
		`cidrsubnet("10.0.0.0/8", 8, 2)`:                             "10.2.0.0/16",
		`sha256("")`:                                                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		`base64decode(base64encode("ü"))`:                            "ü",
		`length("üx")`:                                               "2",
		`length([1, 2, 3])`:                                          "3",
		`urlencode("a b&c")`:                                         "a+b%26c",
		`md5("")`:                                                    "d41d8cd98f00b204e9800998ecf8427e",
	} {
		text := one("t.hcl", "container \"a\" {\n  environment = { X = "+expr+" }\n}\n")
		text.Root = root
		s, diags := lang.Load(text, lang.Variables{})
		if len(diags) > 0 || s.Containers[0].Environment["X"] != want {
			t.Errorf("%s: %v, want %s (%v)", expr, s.Containers, want, diags)
		}
	}
}

// TestFormatKeepsMeaning is parse, format, parse: the same stack, apart from
// places.
func TestFormatKeepsMeaning(t *testing.T) {
	texts := map[string]string{"everything": everything, "many": many(20), "squeezed": strings.ReplaceAll(everything, "  ", ""), "variables": variables}
	files, err := filepath.Glob("testdata/right/*.hcl")
	examples, err2 := filepath.Glob("../../examples/*/*.hcl")
	if err != nil || err2 != nil || len(files) < 5 || len(examples) == 0 {
		t.Fatal("no text", err, err2)
	}
	for _, file := range append(files, examples...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(text)
		texts[file+" squeezed"] = strings.ReplaceAll(strings.ReplaceAll(string(text), "  ", " "), " = ", "=")
		if !strings.Contains(string(text), "<<") { // in a heredoc it would be text
			texts[file+" spread"] = strings.ReplaceAll(string(text), "\n", " # so\n\n")
		}
	}
	for name, text := range texts {
		if keeps(t, text) == "" {
			t.Errorf("%s has no meaning", name)
		}
	}
}

// keeps formats text and holds its meaning against the one before. It returns
// the meaning; there is none when the text has mistakes.
func keeps(t *testing.T, text string) string {
	t.Helper()
	before, diags := lang.Load(one("t.hcl", text), lang.Variables{})
	if diags.HasErrors() {
		return ""
	}
	out, err := format.Format("t.hcl", []byte(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	again, err := format.Format("t.hcl", out)
	if err != nil || string(again) != string(out) {
		t.Errorf("formatted twice is not the same (%v):\n%s\n%s", err, out, again)
	}
	after, diags := lang.Load(one("t.hcl", string(out)), lang.Variables{})
	if diags.HasErrors() {
		t.Fatalf("%s\nbecame\n%s\n%s", text, out, diags)
	}
	meant, means := meaning(t, before), meaning(t, after)
	if meant != means {
		t.Errorf("%s\nbecame\n%s", meant, means)
	}
	return meant
}

// meaning is a stack without places.
func meaning(t *testing.T, s spec.Stack) string {
	text, _, _ := strings.Cut(rendered(t, s), "\n\n")
	return text
}

func FuzzLoad(f *testing.F) {
	f.Add(everything, false)
	f.Add(variables, false)
	f.Add(manyEach[:40], false)
	f.Add(`{"container": {"a": {"autostart": {"order": 1}, "nic": {"eth0": {"network": "${network.x}"}}}}}`, true)
	for _, pattern := range []string{"testdata/*/*.hcl", "testdata/*/*.hcl.json", "../../examples/*/*.hcl"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(pattern, err)
		}
		for _, file := range files {
			if strings.Contains(file, "laughs") {
				continue // to grow takes all of the time
			}
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text), strings.HasSuffix(file, ".json"))
		}
	}
	f.Fuzz(func(t *testing.T, text string, json bool) {
		name := "t.hcl"
		if json {
			name = "t.hcl.json"
		}
		start := spent()
		s, diags := lang.Load(one(name, text), lang.Variables{})
		if took := spent() - start; took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		for _, d := range diags {
			if d.Summary == "" || strings.Contains(d.Summary, "\n") {
				t.Errorf("summary %q", d.Summary)
			}
			_ = d.String()
		}
		if !diags.HasErrors() && len(s.Problems()) > 0 {
			t.Error("problems without diagnostics")
		}
		if !json {
			keeps(t, text)
		}
	})
}
