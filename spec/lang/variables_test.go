package lang_test

import (
	"strings"
	"testing"

	"strake/spec/lang"
	"strake/spec/source"
)

const variables = `
variable "text" {
  default = "default"
}
variable "number" {
  type    = number
  default = 1
}
variable "sites" {
  type    = map(object({ port = number, host = optional(string, "h") }))
  default = {}
}
container "a" {
  environment = { T = var.text, N = var.number + 1, S = jsonencode(var.sites) }
}
`

func given(name, value string) lang.Given { return lang.Given{Name: name, Value: value} }

func varFile(name, text string) *source.File { return &source.File{Name: name, Bytes: []byte(text)} }

func TestPrecedence(t *testing.T) {
	env := map[string]string{"text": "env", "number": "5"}
	auto := []source.File{*varFile("a.auto.hclvars", `text = "auto"`)}
	for _, c := range []struct {
		name string
		vars lang.Variables
		auto []source.File
		want [3]string
	}{
		{"defaults", lang.Variables{}, nil, [3]string{"default", "2", "{}"}},
		{"environment", lang.Variables{Environment: env}, nil, [3]string{"env", "6", "{}"}},
		{"auto file over environment", lang.Variables{Environment: env}, auto, [3]string{"auto", "6", "{}"}},
		{"var over file before it", lang.Variables{Given: []lang.Given{{File: varFile("x", "text = \"file\"\nnumber = 8")}, given("text", "var")}}, auto, [3]string{"var", "9", "{}"}},
		{"file over var before it", lang.Variables{Given: []lang.Given{given("text", "var"), {File: varFile("x", `text = "file"`)}}}, auto, [3]string{"file", "2", "{}"}},
		{"parsed by type", lang.Variables{Given: []lang.Given{given("number", "0.5"), given("text", "{ 1 }"), given("sites", "{ a = { port = 1 } }")}}, nil, [3]string{"{ 1 }", "1.5", `{"a":{"host":"h","port":1}}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, diags := lang.Load(source.Text{Files: []source.File{*varFile("t.hcl", variables)}, Vars: c.auto}, c.vars)
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			e := s.Containers[0].Environment
			if got := [3]string{e["T"], e["N"], e["S"]}; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestGivenWrong(t *testing.T) {
	for _, c := range []struct {
		name, want string
		vars       lang.Variables
	}{
		{"unknown", `there is no variable "txt"`, lang.Variables{Given: []lang.Given{given("txt", "x")}}},
		{"did you mean", `Did you mean "text"?`, lang.Variables{Given: []lang.Given{given("txt", "x")}}},
		{"unknown in environment", `STRAKE_VAR_nope`, lang.Variables{Environment: map[string]string{"nope": "x"}}},
		{"unknown in file", `f.hclvars:1:1`, lang.Variables{Given: []lang.Given{{File: varFile("f.hclvars", "nope = 1")}}}},
		{"wrong type", `It must be of type number`, lang.Variables{Given: []lang.Given{given("number", "many")}}},
		{"attribute too many", `Did you mean "host"?`, lang.Variables{Given: []lang.Given{given("sites", "{ a = { port = 1, hots = \"x\" } }")}}},
		{"not an expression", `is not a value of the variable's type`, lang.Variables{Given: []lang.Given{given("sites", "{ a = ")}}},
		{"reference in file", `Variables not allowed`, lang.Variables{Given: []lang.Given{{File: varFile("f", "text = var.number")}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := faults(source.Text{Files: []source.File{*varFile("t.hcl", variables)}}, c.vars)
			if !strings.Contains(strings.ToLower(got), strings.ToLower(c.want)) {
				t.Errorf("diagnostics do not say %q:\n%s", c.want, got)
			}
		})
	}
}

// TestSecretsStayHidden makes every kind of mistake with a sensitive value.
func TestSecretsStayHidden(t *testing.T) {
	const secret = "hunter2-hunter2"
	for name, body := range map[string]string{
		"setting":     "container \"a\" {\nhostname = var.s\n}",
		"function":    "locals {\n" + `x = parseint(var.s, 10)` + "\n}",
		"nested":      "locals {\n" + `x = [for c in [var.s] : parseint("${c}!", 10)]` + "\n}",
		"conversion":  "locals {\n" + `x = tonumber(var.s)` + "\n}",
		"decode":      "locals {\n" + `x = base64decode(var.s)` + "\n}",
		"json":        "locals {\n" + `x = jsondecode(var.s)` + "\n}",
		"regex":       "locals {\n" + `x = regex(var.s, "[")` + "\n}",
		"template":    "locals {\n" + `x = templatefile(var.s, {})` + "\n}",
		"file":        "locals {\n" + `x = file(var.s)` + "\n}",
		"index":       "locals {\n" + `x = { a = 1 }[var.s]` + "\n}",
		"for_each":    "container \"a\" {\nfor_each = toset([var.s])\n}",
		"name":        "container \"a\" {\nname = var.s\n}",
		"validation":  "variable \"o\" {\ndefault = 1\nvalidation {\ncondition = var.s == \"\"\nerror_message = \"it is ${var.s}\"\n}\n}",
		"given type":  "variable \"n\" {\ntype = number\nsensitive = true\n}",
		"given map":   "variable \"n\" {\ntype = map(string)\nsensitive = true\n}",
		"proxy":       "container \"a\" {\nproxy {\nhttp = \"http://u:${var.s}@p:1\"\n}\n}",
		"variable":    "container \"a\" {\nenvironment = { \"1\" = var.s, B = \"x\\n${var.s}\", C = [var.s] }\n}",
		"local value": "locals {\nl = var.s\n}\ncontainer \"a\" {\nraw = { \"lxc.sched.core\" = local.l }\n}",
	} {
		t.Run(name, func(t *testing.T) {
			text := source.Text{Root: t.TempDir(), Files: []source.File{*varFile("t.hcl", "variable \"s\" {\nsensitive = true\n}\n"+body)}}
			vars := lang.Variables{Given: []lang.Given{given("s", secret)}}
			if strings.Contains(body, `"n"`) {
				vars.Given = append(vars.Given, given("n", secret+"{"))
			}
			got := faults(text, vars)
			if got == "" || strings.Contains(got, "hunter2") {
				t.Errorf("diagnostics:\n%s", got)
			}
			if strings.Contains(got, "Expected") || strings.Contains(got, "argument definition") {
				t.Errorf("the test's own text does not parse:\n%s", got)
			}
		})
	}
}
