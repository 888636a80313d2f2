package spec

import (
	"path"
	"strings"
)

const sourceRule = `Known are "builtin:busybox", "debootstrap:SUITE" such as "debootstrap:bookworm", "dir:/absolute/folder" and "tar:/absolute/file".`

// image checks an image block, or an image given as a plain source (no name).
func (c *checker) image(i *Image) {
	of := "image"
	if i.Name != "" {
		of += " " + quote(i.Name)
		c.name("", i.Pos, "image", i.Name)
	}
	bad := func(p, summary, detail string) {
		c.add(Problem{Path: p, Pos: i.Pos, Summary: of + ": " + summary, Detail: detail})
	}
	if i.Source == "" {
		c.add(Problem{Path: "image.source", Pos: i.Pos, Summary: of + ": it has no source", Detail: sourceRule, Absent: true})
		return
	}
	kind, rest, _ := strings.Cut(i.Source, ":")
	if why := sourceFault(i.Source, kind, rest); why != "" {
		bad("image.source", "source "+quote(i.Source)+" "+why, sourceRule)
	}
	if len(i.Include) > 0 && kind != "debootstrap" {
		bad("image.include", "include needs a debootstrap source", "Packages can't be added to other images. Leave include out.")
	}
	for _, name := range i.Include {
		if !packageName(name) {
			bad("image.include", quote(name)+" is not a package name", "Debian package names have lower-case letters, digits and the characters + - .")
		}
	}
}

func sourceFault(source, kind, rest string) string {
	switch kind {
	case "builtin":
		if rest != "busybox" {
			return "is not built in"
		}
	case "debootstrap":
		if !suite(rest) {
			return "does not name a suite"
		}
	case "dir", "tar":
		return pathFault(rest)
	case "adopted":
		return adoptedFault(rest)
	default:
		if !strings.Contains(source, ":") {
			return "does not say what kind of source it is"
		}
		return "is of an unknown kind"
	}
	return ""
}

// adoptedFault looks at what lxc.rootfs.path says: a path, or the name of a
// storage and what that one knows it by ("overlay:/lower:/upper", "zfs:pool/c1").
func adoptedFault(rest string) string {
	if rest == "" {
		return "has no path"
	}
	return oneLine(rest)
}

// pathFault says what is wrong with a path on the host or in a container that
// goes into a mount entry or a command line, or nothing.
func pathFault(p string) string {
	switch {
	case p == "":
		return "has no path"
	case !strings.HasPrefix(p, "/"):
		return "is not absolute"
	case strings.Contains(p+"/", "/../"):
		return `has ".." in it`
	case strings.ContainsAny(p, "\"'\\"):
		return "has a quote or a backslash"
	case len(p) > 4095:
		return "is longer than a path can be"
	}
	for _, r := range p {
		if r < 0x20 || r == 0x7f {
			return "has a control character"
		}
	}
	return ""
}

// clean gives equal paths the same text.
func clean(p string) string { return path.Clean(p) }

func suite(s string) bool {
	return s != "" && s[0] >= 'a' && s[0] <= 'z' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}

func packageName(s string) bool {
	return len(s) > 1 && s[0] != '-' && s[0] != '+' && s[0] != '.' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}
