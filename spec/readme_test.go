package spec_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"strake/spec"
)

// TestReadme: the reference page has every block and word of the language,
// with its default where it writes one.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range spec.Language().Blocks {
		about := section(string(page), b.Name)
		if about == "" {
			t.Errorf("no section on %s", b.Name)
		}
		mentioned(t, b.Name, b, about)
	}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*)\\| ([a-z()]+(?: or [a-z]+)*) \\| `([^`|]*)` \\|").FindAllStringSubmatch(section(string(page), "network"), -1) {
		name := strings.Trim(strings.TrimSpace(row[1]), "`")
		b, word := spec.Language().Block("network"), name
		if in, rest, ok := strings.Cut(name, "."); ok {
			b, word = b.Block(in), rest
		}
		if w := b.Word(word); w == nil || !strings.HasPrefix(row[2], w.Type) || w.Default != row[3] {
			t.Errorf("the page says %s %s %s, the table %+v", name, row[2], row[3], w)
		}
	}
}

// section is all that stands under headings that name the block.
func section(page, name string) string {
	var b strings.Builder
	for _, part := range strings.Split(page, "\n### ")[1:] {
		if head, text, _ := strings.Cut(part, "\n"); strings.Contains(" "+strings.ReplaceAll(head, ",", "")+" ", " "+name+" ") {
			b.WriteString(text)
		}
	}
	return b.String()
}

func mentioned(t *testing.T, path string, b *spec.Block, about string) {
	if strings.HasPrefix(path, "profile") { // the words of a container; its own are in the table
		return
	}
	for _, w := range b.Words {
		if !regexp.MustCompile("(?m)`([a-z.]*\\.)?" + w.Name + "`|^ *" + w.Name + " +=").MatchString(about) {
			t.Errorf("the page says nothing of %s.%s", path, w.Name)
		}
	}
	for _, in := range b.Blocks {
		if !regexp.MustCompile("`([a-z.]*\\.)?" + in.Name + "[` .]|(?m)^ *" + in.Name + " [{\"]").MatchString(about) {
			t.Errorf("the page says nothing of %s.%s", path, in.Name)
		}
		mentioned(t, path+"."+in.Name, in, about)
	}
}
