package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// File is a file that strake writes into a container.
type File struct {
	Path     string // absolute path inside
	Content  string
	Mode     string // octal, "0644"; "": 0644
	Owner    string // "USER" or "USER:GROUP", names or numbers; "": root
	OnChange string // "none" (default), "restart", "reload:UNIT" or "restart:UNIT"
}

// mostContent is the size that a file's content may have: it is held by every
// generation. Bigger ones belong into a volume or an image.
const mostContent = 1 << 20

func filePath(prefix string, f *File, key string) string {
	path := prefix + `file["` + f.Path + `"]`
	if key == "" {
		return path
	}
	return path + "." + key
}

func (c *checker) files(o *Container) {
	if len(o.Files) == 0 {
		return
	}
	mounts := map[string]*Mount{}
	for i := range o.Mounts {
		mounts[clean(o.Mounts[i].Target)] = &o.Mounts[i]
	}
	c.fileList(o, "", o.Files)
	for i := range o.Files {
		f := &o.Files[i]
		c.onChange(o, f)
		if pathFault(f.Path) != "" {
			continue
		}
		if instead := elsewhere(clean(f.Path)); instead != "" {
			c.wrong(o, filePath("", f, ""), "file "+quote(f.Path)+" is one that strake writes by itself", instead)
		}
		for _, p := range above(f.Path) {
			if m := mounts[p]; m != nil {
				c.wrong(o, filePath("", f, ""), "file "+quote(f.Path)+" is in mount "+quote(m.Target), "It would be hidden, or written into what is mounted. See "+o.place(mountPath(m, "")).String()+".")
				break
			}
		}
	}
}

// covered says whether something is mounted there in every container.
func covered(path string) bool { return path == "/proc" || path == "/sys" || path == "/dev" }

// elsewhere says what to use in place of a file that another setting is written
// into.
func elsewhere(path string) string {
	switch path {
	case "/etc/hostname":
		return "Use hostname."
	case "/etc/environment":
		return "Use environment."
	}
	return ""
}

// fileList checks files of the container, or with a prefix those of its system.
func (c *checker) fileList(o *Container, prefix string, list []File) {
	seen := make(map[string]*File, len(list))
	for i := range list {
		f := &list[i]
		at := filePath(prefix, f, "")
		switch why := pathFault(f.Path); {
		case why != "":
			c.wrong(o, at, "file "+quote(f.Path)+" "+why, `The label is the absolute path inside the container, such as "/etc/motd".`)
		case clean(f.Path) == "/" || strings.HasSuffix(f.Path, "/"):
			c.wrong(o, at, "file "+quote(f.Path)+" is a folder", `The label is the absolute path of a file, such as "/etc/motd".`)
		case slices.ContainsFunc(above(f.Path), covered):
			c.wrong(o, at, "file "+quote(f.Path)+" is where LXC mounts something", "What is below /proc, /sys and /dev is no part of the root filesystem.")
		case seen[clean(f.Path)] != nil:
			c.wrong(o, at, "file "+quote(f.Path)+" is there twice", "The other one is at "+o.place(filePath(prefix, seen[clean(f.Path)], "")).String()+".")
		}
		seen[clean(f.Path)] = f
		c.file(o, prefix, f)
	}
	for i := range list {
		for _, p := range above(list[i].Path)[1:] {
			if outer := seen[p]; outer != nil {
				c.wrong(o, filePath(prefix, &list[i], ""), "file "+quote(list[i].Path)+" is in file "+quote(outer.Path), "A file can't be a folder. See "+o.place(filePath(prefix, outer, "")).String()+".")
				break
			}
		}
	}
}

// file checks one file by itself.
func (c *checker) file(o *Container, prefix string, f *File) {
	bad := func(key, summary, detail string) {
		c.wrong(o, filePath(prefix, f, key), "file "+quote(f.Path)+summary, detail)
	}
	if len(f.Content) > mostContent {
		bad("content", fmt.Sprintf(": content of %d bytes is too long", len(f.Content)), "Every generation holds it: at most 1 MiB. Put bigger ones into an image or a volume.")
	}
	if !o.said(filePath(prefix, f, "content")) {
		bad("content", " has no content", `Write it: content = "..." or content = file("NAME"). An empty file has content = "".`)
	}
	if f.Mode != "" && !mode(f.Mode) {
		bad("mode", ": mode "+quote(f.Mode)+" is not a mode", `Write it in octal, as chmod(1) takes it: "0644".`)
	}
	if o.said(filePath(prefix, f, "owner")) && !owner(f.Owner) {
		bad("owner", ": owner "+quote(f.Owner)+" is not an owner", `Write "USER" or "USER:GROUP", as names or numbers inside the container: "www-data:adm", "1000".`)
	}
}

func (c *checker) onChange(o *Container, f *File) {
	verb, unit, hasUnit := strings.Cut(f.OnChange, ":")
	known := (verb == "reload" || verb == "restart") && hasUnit || f.OnChange == "" || f.OnChange == "none" || f.OnChange == "restart"
	path := filePath("", f, "on_change")
	switch {
	case !known:
		c.wrong(o, path, "file "+quote(f.Path)+": on_change can't be "+quote(f.OnChange), `Write "none", "reload:UNIT", "restart:UNIT" or "restart" (of the container).`)
	case hasUnit && unitFault(unit) != "":
		c.wrong(o, path, "file "+quote(f.Path)+": unit "+quote(unit)+" "+unitFault(unit), `Name a systemd unit: "reload:nginx" or "restart:app@1.service".`)
	}
}

// mode accepts three or four octal digits.
func mode(text string) bool {
	n, err := strconv.ParseUint(text, 8, 16)
	return err == nil && n <= 0o7777 && (len(text) == 3 || len(text) == 4)
}

// owner accepts USER and USER:GROUP.
func owner(text string) bool {
	user, group, both := strings.Cut(text, ":")
	return account(user) && (!both || account(group))
}

// account accepts a number of 32 bits, and names as useradd(8) takes them.
func account(text string) bool {
	if _, err := strconv.ParseUint(text, 10, 32); err == nil {
		return true
	}
	if text == "" || len(text) > 32 || text[0] >= '0' && text[0] <= '9' || text[0] == '-' || text[0] == '.' {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool { return !interfaceLetter(r) })
}

// unitFault says what is wrong with the name of a systemd unit, with or
// without its suffix (systemd.unit(5)), or nothing.
func unitFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > 255:
		return "is longer than 255 bytes"
	case name[0] == '.' || name[0] == '-':
		return "starts with " + strconv.Quote(name[:1])
	}
	for _, r := range name {
		if !interfaceLetter(r) && !strings.ContainsRune(`:@\`, r) {
			return "has the character " + strconv.QuoteRune(r)
		}
	}
	return ""
}
