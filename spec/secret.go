package spec

import (
	"strings"
)

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
