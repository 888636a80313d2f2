package lang_test

import (
	"reflect"
	"testing"

	"strake/spec"
	"strake/spec/format"
	"strake/spec/lang"
	"strake/spec/source"
)

// FuzzLock holds that any lock file is read or refused, and that what was read
// is written in words that mean the same.
func FuzzLock(f *testing.F) {
	f.Add("image \"tar:/i.tar\" {\n  digest = \"sha256-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n  size = 7\n  time = \"2026-01-31T12:00:00Z\"\n}\n")
	f.Add("image \"debootstrap:bookworm\" {\n  include = [\"a\", \"b\"]\n}\n")
	f.Add("image \"oci:x/y\" {\n  mirror = \"/m\"\n  sha256 = \"0\"\n  from = {\n    manifest = \"sha256:0\"\n    \"a b\" = \"\"\n  }\n}\n")
	f.Add("image {")
	f.Fuzz(func(t *testing.T, text string) {
		first, diags := lang.Load(locked(text), lang.Variables{})
		if diags.HasErrors() {
			return
		}
		again, diags := lang.Load(locked(string(format.Pins(first.Pins))), lang.Variables{})
		if diags.HasErrors() || len(again.Pins) != len(first.Pins) {
			t.Fatalf("%v: %+v became %+v", diags, first.Pins, again.Pins)
		}
		for _, p := range first.Pins {
			if !reflect.DeepEqual(again.Pinned(p.Image).From, p.From) || again.Pinned(p.Image).Digest != p.Digest {
				t.Errorf("%+v was lost", p)
			}
		}
	})
}

func locked(text string) source.Text {
	return source.Text{Name: "t", Lock: &source.File{Name: source.LockFile, Bytes: []byte(text)}}
}

// TestPins holds that a pin is for an image with just these packages.
func TestPins(t *testing.T) {
	s := spec.Stack{Pins: []spec.Pin{
		{Image: spec.Image{Source: "debootstrap:bookworm", Include: []string{"a"}}, Digest: "one"},
		{Image: spec.Image{Source: "debootstrap:bookworm"}, Digest: "two"},
	}}
	for want, include := range map[string][]string{"one": {"a"}, "two": nil, "": {"b"}} {
		if got := s.Pinned(spec.Image{Source: "debootstrap:bookworm", Include: include}).Digest; got != want {
			t.Errorf("%v is pinned to %q", include, got)
		}
	}
}
