package spec

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// System is what a container contains beyond its image: a layer that is built
// once and shared.
type System struct {
	Packages []string
	Run      []string // shell commands, in order
	Services []Service
	Users    []User
	Files    []File // without OnChange
}

// Service is a unit of the container's init.
type Service struct {
	Name    string
	Enabled *bool // required
}

// User is an account inside the container.
type User struct {
	Name   string
	UID    int64 // 0: chosen when the layer is built
	Home   string
	Shell  string
	Groups []string
}

// Build says what a system layer may reach while it is built.
type Build struct {
	Network string // name of a Network; "": none
	Egress  []string
	Timeout time.Duration // 0: 30 minutes
}

// Rootfs bounds the writable layer.
type Rootfs struct {
	Ephemeral bool  // starts empty at every start
	Size      int64 // bytes; 0: no limit
}

func (c *checker) system(o *Container) {
	s := o.System
	for i, name := range s.Packages {
		switch {
		case !anyPackage(name):
			c.wrong(o, "system.packages", quote(name)+" is not a package name", "Package names have letters, digits and the characters + - . _ : ~")
		case slices.Contains(s.Packages[:i], name):
			c.wrong(o, "system.packages", "package "+quote(name)+" is there twice", "Take one of them out.")
		}
	}
	for _, line := range s.Run {
		if strings.TrimSpace(line) == "" || strings.ContainsRune(line, 0) {
			c.wrong(o, "system.run", quote(line)+" is not a command", `Write shell commands: run = ["useradd -m ghost"].`)
		}
	}
	for _, u := range s.Services {
		if why := unitFault(u.Name); why != "" {
			c.wrong(o, `system.service["`+u.Name+`"]`, "service "+quote(u.Name)+" "+why, `The label is a unit of the container's init: "nginx".`)
		}
		if u.Enabled == nil {
			c.wrong(o, `system.service["`+u.Name+`"].enabled`, "service "+quote(u.Name)+" says nothing", "Write enabled = true, or false.")
		}
	}
	for _, u := range s.Users {
		c.user(o, u)
	}
	c.fileList(o, "system.", s.Files)
	for i := range s.Files {
		if f := &s.Files[i]; unkept(clean(f.Path)) {
			c.wrong(o, filePath("system.", f, ""), "file "+quote(f.Path)+" would not stay in a system layer", "Builds clean what belongs to one machine or one moment. Use a file block of the container.")
		}
	}
}

// unkept says whether the build of a layer leaves the file out: package image
// cleans these.
func unkept(path string) bool {
	switch path {
	case "/etc/resolv.conf", "/etc/machine-id", "/usr/sbin/policy-rc.d":
		return true
	}
	return slices.ContainsFunc(above(path)[1:], func(p string) bool {
		return p == "/run" || p == "/tmp" || p == "/var/tmp" || p == "/var/cache/apt" || p == "/var/lib/apt/lists"
	})
}

// anyPackage accepts the names of all package managers, and nothing that one
// of them takes for an option.
func anyPackage(s string) bool {
	return s != "" && len(s) < 256 && s[0] != '-' && s[0] != '.' && !strings.ContainsFunc(s, func(r rune) bool {
		return !interfaceLetter(r) && !strings.ContainsRune("+:~", r)
	})
}

func (c *checker) user(o *Container, u User) {
	at := `system.user["` + u.Name + `"]`
	if !account(u.Name) || u.Name[0] >= '0' && u.Name[0] <= '9' {
		c.wrong(o, at, "user "+quote(u.Name)+" is not the name of a user", "A user's name has letters, digits and the characters - _ . and at most 32 bytes.")
	}
	if o.said(at+".uid") && (u.UID < 1 || u.UID > 1<<31) {
		c.wrong(o, at+".uid", "user "+quote(u.Name)+": this is not the id of a user", "It is a number from 1. Leave it out and one is chosen.")
	}
	for _, p := range []struct{ key, path string }{{"home", u.Home}, {"shell", u.Shell}} {
		if why := pathFault(p.path); why != "" && (p.path != "" || o.said(at+"."+p.key)) {
			c.wrong(o, at+"."+p.key, "user "+quote(u.Name)+": "+p.key+" "+quote(p.path)+" "+why, "It is an absolute path inside the container.")
		}
	}
	for _, g := range u.Groups {
		if !account(g) {
			c.wrong(o, at+".groups", "user "+quote(u.Name)+": "+quote(g)+" is not the name of a group", `Write groups = ["adm", "video"].`)
		}
	}
}

func (c *checker) build(o *Container) {
	if o.Build.Network != "" && c.networks[o.Build.Network] == nil {
		c.wrong(o, "build.network", "there is no network "+quote(o.Build.Network), `Define it: network "`+o.Build.Network+`" { ... }`)
	}
	for _, name := range o.Build.Egress {
		if c.egresses[name] == nil {
			c.wrong(o, `build.egress["`+name+`"]`, "there is no egress "+quote(name), `Define it: egress "`+name+`" { ... }`)
		}
	}
	c.span(o, "build.timeout", o.Build.Timeout, time.Second, 24*time.Hour)
}

const leastRootfs = 16 << 20

func (c *checker) rootfs(o *Container) {
	if r := o.Rootfs; (o.said("rootfs.size") || r.Size != 0) && r.Size < leastRootfs {
		c.wrong(o, "rootfs.size", fmt.Sprintf("size of %d bytes is too small for a writable layer", r.Size), `The least is 16MiB. A bare number counts bytes: write a unit, such as "10GiB", or leave it out for no limit.`)
	}
}
