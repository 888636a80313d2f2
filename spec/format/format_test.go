package format_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"strake/spec"
	"strake/spec/format"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"align", "a=1\nbcd   = 2\n", "a   = 1\nbcd = 2\n"},
		{"indent", "x \"y\" {\na=1\n  }", "x \"y\" {\n  a = 1\n}\n"},
		{"comments", "# c\na = 1 # d\n", "# c\na = 1 # d\n"},
		{"line ends", "a = 1\r\nb = 2\r\n", "a = 1\nb = 2\n"},
		{"trailing", "a = 1\n\n\n", "a = 1\n"},
		{"no newline", "a = 1", "a = 1\n"},
		{"heredoc", "a = <<E\n  x\r\n\nE\n", "a = <<E\n  x\n\nE\n"},
		{"empty", "", ""},
		{"blank", "\n \n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := format.Format("t.hcl", []byte(c.in))
			if err != nil || string(got) != c.want {
				t.Errorf("got %q, want %q (%v)", got, c.want, err)
			}
		})
	}
}

// TestRefused: what does not parse is told as it is elsewhere, with its line.
func TestRefused(t *testing.T) {
	_, err := format.Format("t.hcl", []byte("b = 2\r\na = \r\n"))
	var ds spec.Diagnostics
	if !errors.As(err, &ds) || len(ds) == 0 || ds[0].Pos != (spec.Pos{File: "t.hcl", Line: 2, Column: 5}) || ds[0].Source != "a = " {
		t.Errorf("%#v", err)
	}
	if _, err := format.Format("t.hcl.json", []byte("{}")); !errors.As(err, &ds) || !strings.Contains(err.Error(), "JSON has no layout") {
		t.Error(err)
	}
}

func TestDeep(t *testing.T) {
	_, err := format.Format("t.hcl", []byte("a = "+strings.Repeat("(", 1<<18)))
	if err == nil || !strings.Contains(err.Error(), "nested more than") {
		t.Errorf("%.200v", err)
	}
}

// TestExamples keeps the examples in the layout that fmt gives.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := format.Format(file, src)
		if err != nil || !bytes.Equal(got, src) {
			t.Errorf("%s is not formatted (%v)", file, err)
		}
	}
}

func FuzzFormat(f *testing.F) {
	f.Add([]byte("a = 1\nb \"c\" {\n d=[1,\n2] }\n"))
	f.Add([]byte("#\r\r\n"))
	f.Add([]byte("a = <<-E\n  x ${1+1}\n  E\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		once, err := format.Format("t.hcl", src)
		if err != nil {
			return
		}
		twice, err := format.Format("t.hcl", once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("not stable: %q, then %q (%v)", once, twice, err)
		}
	})
}
