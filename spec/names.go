package spec

import (
	"fmt"
	"strconv"
	"strings"
)

// quote shows text from outside on one line, whatever it holds, and not all
// of it when it is long.
func quote(s string) string {
	if len(s) > 80 {
		return strconv.Quote(s[:64]) + fmt.Sprintf("... (%d bytes)", len(s))
	}
	return strconv.Quote(s)
}

const nameRule = "A name has lower-case letters, digits and inner hyphens, at most 63 bytes: it becomes a host name and the name of folders."

// name checks a name that becomes a host name and a folder.
func (c *checker) name(path string, pos Pos, kind, name string) {
	if why := nameFault(name); why != "" {
		c.add(Problem{Path: path, Pos: pos, Summary: fmt.Sprintf("%s name %s %s", kind, quote(name), why), Detail: nameRule})
	}
}

// nameFault says what is wrong with a name, or nothing.
func nameFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > 63:
		return fmt.Sprintf("has %d bytes, the most is 63", len(name))
	case strings.HasPrefix(name, "-"):
		return "starts with a hyphen"
	case strings.HasSuffix(name, "-"):
		return "ends with a hyphen"
	case strings.Trim(name, ".") == "":
		return "has only dots"
	}
	for _, r := range name {
		if why := letterFault(r); why != "" {
			return why
		}
	}
	return ""
}

func letterFault(r rune) string {
	switch {
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
		return ""
	case r >= 'A' && r <= 'Z':
		return "has the capital letter " + strconv.QuoteRune(r)
	case r == ' ':
		return "has a space"
	case r == '.':
		return "has a dot"
	case r == '_':
		return "has an underscore; a host name can't"
	}
	return "has the character " + strconv.QuoteRune(r)
}

// interfaceFault says what is wrong with the name of a network interface: the
// kernel's dev_valid_name plus IFNAMSIZ, 16 bytes with the closing NUL.
func interfaceFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > 15:
		return fmt.Sprintf("has %d bytes, the most for an interface is 15", len(name))
	case name == "." || name == "..":
		return "is not a name"
	case name == "lo":
		return "is the loopback interface"
	case name[0] == '-':
		return "starts with a hyphen"
	}
	for _, r := range name {
		if !interfaceLetter(r) {
			return "has the character " + strconv.QuoteRune(r)
		}
	}
	return ""
}

func interfaceLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
}

// oneOf checks a word of the stack's own.
func (c *checker) oneOf(path string, pos Pos, word string, words ...string) {
	if why := wordFault(word, words); why != "" {
		c.add(Problem{Path: path, Pos: pos, Summary: path + " " + why, Detail: "Write " + either(words) + "."})
	}
}

// wordFault accepts the given words and nothing.
func wordFault(word string, words []string) string {
	if word == "" {
		return ""
	}
	for _, w := range words {
		if w == word {
			return ""
		}
	}
	return "can't be " + quote(word)
}

func either(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}

// oneLine says what keeps a value from being one line of an LXC
// configuration, or nothing.
func oneLine(value string) string {
	for _, r := range value {
		switch {
		case r == '\n' || r == '\r':
			return "has a line break"
		case r == 0:
			return "has a NUL character"
		}
	}
	return ""
}
