package conf

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"strake/reconcile/resource"
)

func TestParse(t *testing.T) {
	text := "# a comment = not a line\n\n lxc.uts.name\t=  \"two words\" \r\nlxc.environment = A=b=c\nlxc.cap.drop =\nlxc.mount.entry = /a b none bind 0 0 # no comment\nlxc.hook.start='x'"
	want := []resource.Line{
		{Key: "lxc.uts.name", Value: "two words"}, {Key: "lxc.environment", Value: "A=b=c"}, {Key: "lxc.cap.drop"},
		{Key: "lxc.mount.entry", Value: "/a b none bind 0 0 # no comment"}, {Key: "lxc.hook.start", Value: "x"},
	}
	have, err := Parse(File{"config", text})
	if err != nil || !slices.Equal(have, want) {
		t.Errorf("%v, %v", have, err)
	}
	for _, bad := range []string{"lxc.uts.name", "uts.name = x", "lxc.a b = c", "lxc.a = \x00", "= x"} {
		if _, err := Parse(File{"config", bad}); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestSecretive: an include may name any file of the host; what is in it must
// not come out as an error.
func TestSecretive(t *testing.T) {
	_, err := Parse(File{"/etc/shadow", "root:$y$j9T$secret:19000:0:99999:7:::\n"})
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "/etc/shadow:1") {
		t.Error(err)
	}
}

func TestFlatten(t *testing.T) {
	files := map[string][]File{
		"/common": {{"/common", "lxc.cap.drop = a\nlxc.include = /d\n"}},
		"/d":      {{"/d/1.conf", "lxc.cap.drop = b\n"}, {"/d/2.conf", "lxc.cap.drop = c\n"}},
		"/loop":   {{"/loop", "lxc.include = /loop\n"}},
		"/twice":  {{"/twice", "lxc.include = /fork\nlxc.include = /fork\n"}},
		"/fork":   {{"/fork", "lxc.include = /twice\n"}},
	}
	read := func(path string) ([]File, error) {
		if f, ok := files[path]; ok {
			return f, nil
		}
		return nil, errors.New("not there")
	}
	have, err := Flatten(File{"config", "lxc.tty.max = 1\nlxc.include = /common\nlxc.cap.drop = d"}, read)
	var values []string
	for _, l := range have {
		values = append(values, l.Value)
	}
	if err != nil || strings.Join(values, " ") != "1 a b c d" {
		t.Errorf("%v, %v", have, err)
	}
	for _, path := range []string{"/loop", "/twice"} {
		if _, err := Flatten(File{"config", "lxc.include = " + path}, read); !errors.Is(err, ErrTooMuch) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := Flatten(File{"config", "lxc.include = /gone"}, read); err == nil || !strings.Contains(err.Error(), "not there") {
		t.Error(err)
	}
}

// FuzzFlatten: whatever the text is, and though it includes itself under
// every name, it ends in lines that hold no line break, or in an error.
func FuzzFlatten(f *testing.F) {
	for _, seed := range []string{
		"", "lxc.uts.name = web\n", "lxc.include = /x\nlxc.cap.drop =\n", "lxc.net.0.type=veth\r\n# x\r\n", "\"=\x00", "lxc. = '\"'", "lxc.a = \"",
		"lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\nlxc.mount.entry = /srv srv none bind,create=dir 0 0\n",
		strings.Repeat("lxc.cap.drop = x\n", 100),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		half := text[:len(text)/2]
		read := func(path string) ([]File, error) { return []File{{path, half}}, nil }
		lines, err := Flatten(File{"config", text}, read)
		if err != nil {
			return
		}
		for _, l := range lines {
			if !strings.HasPrefix(l.Key, "lxc.") || strings.ContainsAny(l.Key+l.Value, "\n\x00") {
				t.Fatalf("%q = %q", l.Key, l.Value)
			}
		}
	})
}
