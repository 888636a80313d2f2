package desired

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"time"

	"strake/reconcile/resource"
	"strake/spec"
)

// files are those of a block. Content that does not stand in them is put
// aside, by its digest.
func (b *builder) files(list []spec.File) []resource.File {
	var out []resource.File
	for _, f := range list {
		file := resource.File{Path: path.Clean(f.Path), Mode: mode(f.Mode), Owner: cmp.Or(f.Owner, "root:root"), OnChange: unlessNone(f.OnChange)}
		file = file.Holding([]byte(f.Content))
		if file.Digest != "" {
			b.contents[file.Digest] = f.Content
		}
		out = append(out, file)
	}
	slices.SortFunc(out, func(a, b resource.File) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// mode has four digits, so that equal ones are equal text.
func mode(text string) string {
	if len(text) == 3 {
		return "0" + text
	}
	return cmp.Or(text, "0644")
}

func (b *builder) system(c spec.Container) *resource.System {
	s := resource.System{Packages: c.System.Packages, Run: c.System.Run, Files: b.files(c.System.Files)}
	for _, v := range c.System.Services {
		s.Services = append(s.Services, resource.Service{Name: v.Name, Enabled: on(v.Enabled, true)})
	}
	for _, u := range c.System.Users {
		s.Users = append(s.Users, resource.User{Name: u.Name, UID: u.UID, Home: cmp.Or(u.Home, "/home/"+u.Name), Shell: cmp.Or(u.Shell, "/bin/sh"), Groups: u.Groups})
	}
	if len(s.Packages)+len(s.Run)+len(s.Files)+len(s.Services)+len(s.Users) == 0 {
		return nil
	}
	slices.SortFunc(s.Services, func(a, b resource.Service) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Users, func(a, b resource.User) int { return cmp.Compare(a.Name, b.Name) })
	return &s
}

func (b *builder) build(c spec.Container) *resource.Build {
	said := c.Build
	if said.Network == "" && len(said.Egress) == 0 && said.Timeout == 0 {
		return nil
	}
	return &resource.Build{Network: said.Network, Egress: b.definitions(said.Egress), Timeout: cmp.Or(said.Timeout, 30*time.Minute)}
}

func health(c spec.Container) *resource.Health {
	h := c.Health
	if h == nil {
		return nil
	}
	minimum := 10 * time.Second
	if _, said := c.At["health.min_healthy"]; said {
		minimum = h.MinHealthy
	}
	out := resource.Health{
		StartPeriod: h.StartPeriod, Interval: cmp.Or(h.Interval, 2*time.Second), Timeout: cmp.Or(h.Timeout, 5*time.Second),
		Failures: cmp.Or(h.Failures, 3), MinHealthy: minimum, Deadline: cmp.Or(h.Deadline, 2*time.Minute),
	}
	for _, k := range h.Checks {
		out.Checks = append(out.Checks, resource.Check(k))
	}
	slices.SortFunc(out.Checks, func(a, b resource.Check) int { return cmp.Compare(a.Name, b.Name) })
	return &out
}

func update(c spec.Container) resource.Update {
	return resource.Update{KeepFailed: !on(c.Update.AutoRollback, true), MaxParallel: c.Update.MaxParallel, Canary: c.Update.Canary}
}

// foreignRoot refuses what would be written into a root filesystem that
// somebody else made.
func (b *builder) foreignRoot(c resource.Container) {
	if c.Image.Adopted() && (len(c.Files) > 0 || c.System != nil) {
		b.errs = append(b.errs, fmt.Errorf("container %s: it was taken over with its root filesystem, where strake writes no files", c.Name))
	}
}
