package lang_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"strake/spec/format"
	"strake/spec/lang"
	"strake/spec/source"
)

// TestReadme loads every example of the reference page together with what it
// refers to.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for _, file := range []string{"sites/a.hcl", "shared/base.hcl"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	blocks := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) < 9 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, b := range blocks {
		text := string(b[1])
		if out, err := format.Format("README.md", b[1]); err != nil || string(out) != text {
			t.Errorf("not formatted (%v):\n%s", err, text)
		}
		_, diags := lang.Load(source.Text{Root: root, Files: []source.File{{Name: "x.hcl", Bytes: []byte(text + missing(text))}}}, lang.Variables{})
		if len(diags) > 0 {
			t.Errorf("%s\n%s", text, diags)
		}
	}
}

func missing(text string) string {
	var more string
	for use, block := range map[string]string{
		"network.web":    "network \"web\" {\nipv4 = \"10.77.0.1/24\"\n}\n",
		"profile.base":   "profile \"base\" {\n}\n",
		"image.bookworm": "image \"bookworm\" {\nsource = \"debootstrap:bookworm\"\n}\n",
	} {
		name, label, _ := strings.Cut(use, ".")
		if strings.Contains(text, use) && !strings.Contains(text, name+` "`+label+`"`) {
			more += block
		}
	}
	return more
}
