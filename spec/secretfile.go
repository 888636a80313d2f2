package spec

import (
	"strconv"
	"strings"
)

// SecretFile is a file in memory that shows a secret inside the container.
type SecretFile struct {
	Target       string // absolute path inside
	From         Confidential
	Mode         string // octal; "": 0400
	Owner, Group uint32 // the container's ids
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
