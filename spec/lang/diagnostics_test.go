package lang_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"strake/spec/lang"
)

// TestEveryDiagnostic reads off the source what can be found wrong with a
// text, and wants each of it in some golden of testdata.
func TestEveryDiagnostic(t *testing.T) {
	goldens := goldenTexts(t)
	patterns := map[string]token.Position{}
	for _, dir := range []string{"..", "."} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				summaries(t, file, patterns)
			}
		}
	}
	if len(patterns) < 150 {
		t.Fatalf("only %d diagnostics found", len(patterns))
	}
	for pattern, at := range patterns {
		if !unreachable()[pattern] && !regexp.MustCompile(pattern).MatchString(goldens) {
			t.Errorf("%s: no golden has %s", at, pattern)
		}
	}
}

// unreachable are checks of values that no text comes to: the language looks at
// references before, and what formats text has its own test.
func unreachable() map[string]bool {
	return map[string]bool{
		"it depends on container .*, which is not there":    true,
		"mount .*: there is no volume .*":                   true,
		"names no container: .*":                            true,
		"prefix length 0":                                   true, // other words are found for it
		"there are .* mistakes more":                        true, // TestHostile has it
		"variable .*: .* is too large for the type":         true, // and this
		"parse .*: .*":                                      true,
		"must be a list like \\[.*\\.NAME\\]; null is none": true, // a setting that is null was not said
	}
}

func goldenTexts(t *testing.T) string {
	files, err := filepath.Glob("testdata/wrong/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, says := range lang.AgentMistakes {
		all.WriteString(says + "\n")
	}
	return all.String()
}

// summaries notes each expression that becomes a diagnostic's summary, or part
// of one, as a pattern.
func summaries(t *testing.T, file string, patterns map[string]token.Position) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	note := func(e ast.Expr) {
		if p := pattern(e); len(strings.ReplaceAll(p, ".*", "")) > 3 {
			patterns[p] = set.Position(e.Pos())
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if i, is := summaryArgument()[called(n)]; is && i < len(n.Args) {
				note(n.Args[i])
			}
		case *ast.KeyValueExpr:
			if k, ok := n.Key.(*ast.Ident); ok && k.Name == "Summary" {
				note(n.Value)
			}
		}
		return true
	})
}

// summaryArgument tells which argument of a function is a summary.
func summaryArgument() map[string]int {
	return map[string]int{"fail": 1, "warn": 1, "wrong": 2, "astray": 2, "unfit": 2, "amiss": 2, "fmt.Errorf": 0, "errors.New": 0}
}

func called(c *ast.CallExpr) string {
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if pkg, ok := s.X.(*ast.Ident); ok && (pkg.Name == "fmt" || pkg.Name == "errors") {
		return pkg.Name + "." + s.Sel.Name
	}
	return s.Sel.Name
}

var verb = regexp.MustCompile(`%[a-z]`)

// pattern is a regular expression for what an expression comes to.
func pattern(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		if err != nil {
			return ".*"
		}
		return verb.ReplaceAllString(regexp.QuoteMeta(text), ".*")
	case *ast.BinaryExpr:
		return pattern(e.X) + pattern(e.Y)
	case *ast.CallExpr:
		if called(e) == "fmt.Sprintf" {
			return pattern(e.Args[0])
		}
	}
	return ".*"
}
