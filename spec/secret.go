package spec

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Redacted stands for a sensitive value wherever one would be printed.
const Redacted = "(sensitive)"

// Sensitive is text that must not be seen: no way of printing it, and none of
// its encodings, shows it. It is behind a pointer because fmt looks into
// unexported fields of other structs without asking them.
type Sensitive struct{ text *string }

// Hide makes text sensitive.
func Hide(text string) Sensitive { return Sensitive{&text} }

// Reveal is the text, for the one place where it belongs.
func (s Sensitive) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String is Redacted.
func (s Sensitive) String() string { return Redacted }

// GoString is Redacted.
func (s Sensitive) GoString() string { return Redacted }

// Format is Redacted under every verb: fmt looks into a struct for %d.
func (s Sensitive) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// MarshalText is Redacted, in JSON and elsewhere.
func (s Sensitive) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// Secret is a value that is kept outside the text.
type Secret struct {
	Name string // label of the block
	File string // absolute, or relative to the stack's folder
	Pos  Pos
	At   map[string]Pos // by key
}

// Confidential is a setting whose value must not be seen: one of the two.
type Confidential struct {
	Secret string    `json:"secret,omitempty"` // name of a Secret
	Text   Sensitive `json:"text,omitzero"`
}

// SecretFile is a file in memory that shows a secret inside the container.
type SecretFile struct {
	Target       string // absolute path inside
	From         Confidential
	Mode         string // octal; "": 0400
	Owner, Group uint32 // the container's ids
}

func (c *checker) allSecrets() {
	for i := range c.stack.Secrets {
		s := &c.stack.Secrets[i]
		c.name("", s.Pos, "secret", s.Name)
		at := s.Pos
		if p, ok := s.At["file"]; ok {
			at = p
		}
		if s.File == "" {
			c.add(Problem{Path: "file", Pos: at, Summary: "secret " + quote(s.Name) + " has no file", Detail: `Say where its value is: file = "secrets/db.age", or an absolute path of a file that only root can read.`, Absent: s.At["file"] == Pos{}})
		} else if strings.ContainsRune(s.File, 0) || len(s.File) > 4095 {
			c.add(Problem{Path: "file", Pos: at, Summary: "secret " + quote(s.Name) + ": its file is no path", Detail: `Write a path: file = "secrets/db.age".`})
		}
	}
}

func (c *checker) secretFiles(o *Container) {
	seen := make(map[string]string, len(o.Mounts)+len(o.SecretFiles))
	for i := range o.Mounts {
		seen[clean(o.Mounts[i].Target)] = mountPath(&o.Mounts[i], "")
	}
	for i := range o.SecretFiles {
		f := &o.SecretFiles[i]
		path := `secret_file["` + f.Target + `"]`
		if why := pathFault(f.Target); why != "" {
			c.wrong(o, path, "the path of a secret_file "+quote(f.Target)+" "+why, `The label is the absolute path inside the container, such as "/run/secrets/db".`)
		} else if why := hiddenPlace(clean(f.Target)); why != "" {
			c.wrong(o, path, "a secret_file can't be at "+quote(f.Target)+": "+why, `Put it elsewhere, such as "/run/secrets/db".`)
		} else if other, twice := overlapping(seen, clean(f.Target)); twice {
			c.wrong(o, path, "secret_file "+quote(f.Target)+" meets another block", "It is the same path as, or in the way of, "+other+" at "+o.place(other).String()+".")
		}
		seen[clean(f.Target)] = path
		if _, ok := FileMode(f.Mode); !ok {
			c.wrong(o, path+".mode", "mode "+quote(f.Mode)+" is not what a secret can have", `Write permissions in octal, at most 0777, that let somebody read it: "0400", "0440".`)
		}
		if f.From == (Confidential{}) {
			c.wrong(o, path+".from", "secret_file "+quote(f.Target)+" does not say which secret it shows", "Write from = secret.NAME, or a sensitive variable.")
		}
	}
}

// FileMode reads the mode of a secret's file; false where it is none. "" is
// the default.
func FileMode(text string) (uint32, bool) {
	if text == "" {
		return 0o400, true
	}
	n, err := strconv.ParseUint(text, 8, 32)
	return uint32(n), err == nil && n <= 0o777 && n&0o444 != 0
}

// hiddenPlace says why init would hide or forbid a file there. What it mounts
// itself (systemd: src/shared/mount-setup.c) comes after the secrets.
func hiddenPlace(target string) string {
	for _, top := range []string{"/proc", "/sys", "/dev", "/tmp"} {
		if target == top || strings.HasPrefix(target, top+"/") {
			return "the container's init mounts something over " + top
		}
	}
	if target == "/" || target == "/run" {
		return "it is a folder"
	}
	return ""
}

// overlapping finds a path that is this one, or that a file here would be in
// the way of. A file in a mounted folder is fine.
func overlapping(seen map[string]string, target string) (string, bool) {
	for at, path := range seen {
		if at == target || strings.HasPrefix(at, target+"/") || strings.HasPrefix(path, "secret_file") && strings.HasPrefix(target, at+"/") {
			return path, true
		}
	}
	return "", false
}

// MostSecret is how many bytes a sensitive value in the text may have.
const MostSecret = 64 << 10

// VariableFault says what keeps a sensitive value from being a line of the
// files that bring variables to logins and services, or nothing.
func VariableFault(value string) string {
	if len(value) > MostSecret {
		return fmt.Sprintf("has more than %d KiB", MostSecret>>10)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return "has a NUL, a line break or another control character"
	}
	return ""
}
