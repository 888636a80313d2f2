package spec

import (
	"net/url"
	"path"
	"strings"
)

const sourceRule = `Known are "builtin:busybox", "debootstrap:bookworm", "dir:/folder", "tar:/file", "tar:https://HOST/FILE", "oci:REGISTRY/NAME:TAG", "oci:/path", "images:debian/bookworm" and "simplestreams:https://HOST/#debian/bookworm".`

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
	i.packages(kind, bad)
	i.sum(kind, rest, bad)
}

// packages checks what only images that are made of packages have.
func (i *Image) packages(kind string, bad func(path, summary, detail string)) {
	if len(i.Include) > 0 && kind != "debootstrap" {
		bad("image.include", "include needs a debootstrap source", "Packages can't be added to other images. Leave include out.")
	}
	for _, name := range i.Include {
		if !packageName(name) {
			bad("image.include", quote(name)+" is not a package name", "Debian package names have lower-case letters, digits and the characters + - .")
		}
	}
	switch {
	case i.Mirror == "":
	case kind != "debootstrap":
		bad("image.mirror", "mirror needs a debootstrap source", "Other images are not made of packages. Leave mirror out.")
	case mirrorFault(i.Mirror) != "":
		bad("image.mirror", "mirror "+quote(i.Mirror)+" "+mirrorFault(i.Mirror), `Write the address of an archive, "https://deb.debian.org/debian", or an absolute folder of .deb files.`)
	}
}

// sum checks the digest of an archive: what comes from elsewhere needs one.
func (i *Image) sum(kind, rest string, bad func(path, summary, detail string)) {
	switch {
	case i.SHA256 == "" && kind == "tar" && isURL(rest):
		bad("image.sha256", "an archive from elsewhere needs its sha256", `Write sha256 = "..." in an image block: what "sha256sum FILE" prints.`)
	case i.SHA256 == "":
	case kind != "tar":
		bad("image.sha256", "sha256 needs a tar source", "Other sources have digests of their own. Leave sha256 out.")
	case len(i.SHA256) != 64 || strings.Trim(i.SHA256, "0123456789abcdef") != "":
		bad("image.sha256", "sha256 "+quote(i.SHA256)+" is none", `It has 64 hexadecimal digits, lower case: what "sha256sum FILE" prints.`)
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
	case "dir":
		return pathFault(rest)
	case "tar":
		return mirrorFault(rest)
	case "oci":
		return registryFault(rest)
	case "images":
		return aliasFault(rest)
	case "simplestreams":
		server, alias, _ := strings.Cut(rest, "#")
		if why := urlFault(server); why != "" {
			return why
		}
		return aliasFault(alias)
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

func isURL(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

// mirrorFault looks at a path or an address.
func mirrorFault(s string) string {
	if isURL(s) {
		return urlFault(s)
	}
	return pathFault(s)
}

// urlFault looks at an address. One with a password would be shown by every
// plan and kept in every generation.
func urlFault(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || !isURL(s) || u.Host == "":
		return "has no address as https://HOST/ is"
	case u.User != nil:
		return "has a name or password in it, which plans would show"
	case u.Fragment != "":
		return `has a "#" in its address`
	}
	return oneLine(s)
}

// registryFault looks at an image of a registry, or at the path of one on this
// host. The registry's own rules are for who asks it.
func registryFault(rest string) string {
	switch {
	case rest == "":
		return "names no image"
	case strings.HasPrefix(rest, "/"):
		return pathFault(rest)
	case strings.Trim(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@[]") != "":
		return "has a character that no image's name has"
	}
	return ""
}

func aliasFault(name string) string {
	if name == "" || len(name) > 255 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/+") != "" {
		return "does not name an image, as debian/bookworm does"
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
