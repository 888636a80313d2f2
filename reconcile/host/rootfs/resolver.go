package rootfs

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// Where a container's resolver is told whom to ask. An image whose resolv.conf
// is a link belongs to a systemd that writes the link's target itself
// (systemd-resolved(8), /ETC/RESOLV.CONF): that one is told.
const (
	resolvConf   = "etc/resolv.conf"
	resolvedConf = "etc/systemd/resolved.conf.d/90-strake.conf"
)

// Resolver tells whom the container's resolver asks. What a DHCP client wrote
// there is as good as what we did. Error: ErrNotMounted.
func (r *Roots) Resolver(container string) (resource.Resolver, error) {
	in, err := r.enter(container, 0)
	if err != nil {
		return resource.Resolver{}, fmt.Errorf("read resolver of %s: %w", container, err)
	}
	defer in.close()
	have, err := in.resolver()
	if err != nil {
		return have, fmt.Errorf("read resolver of %s: %w", container, err)
	}
	return have, nil
}

func (in *inside) resolver() (resource.Resolver, error) {
	file, parse := resolvConf, parseResolvConf
	if in.resolved() {
		file, parse = resolvedConf, parseResolved
	}
	have, err := in.read(file)
	return parse(string(have.text)), err
}

// SetResolver tells the container's resolver whom to ask, unless it does
// already. With nobody to ask, what strake wrote is taken away. Error:
// ErrNotMounted.
func (r *Roots) SetResolver(container string, ids resource.IDMap, want resource.Resolver) error {
	in, err := r.enter(container, int(ids.Base))
	if err == nil {
		defer in.close()
		err = in.setResolver(want)
	}
	if err != nil {
		return fmt.Errorf("set resolver of %s: %w", container, err)
	}
	return nil
}

func (in *inside) setResolver(want resource.Resolver) error {
	have, err := in.resolver()
	if err == nil && have.Equal(want) {
		return nil
	}
	file, text := resolvConf, resolvConfText(want)
	if in.resolved() {
		file, text = resolvedConf, resolvedText(want)
	}
	if len(want.Servers) > 0 {
		return in.write(file, []byte(text))
	}
	old, err := in.read(file)
	if err != nil || !strings.HasPrefix(string(old.text), banner) {
		return err // somebody else's
	}
	return in.remove(file)
}

// resolved says whether systemd-resolved looks after the container's resolv.conf.
func (in *inside) resolved() bool {
	if !in.exists("usr/lib/systemd/systemd-resolved") && !in.exists("lib/systemd/systemd-resolved") {
		return false
	}
	dir, err := resolve(in.fd, path.Dir(resolvConf), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return false
	}
	defer unix.Close(dir)
	var st unix.Stat_t
	err = unix.Fstatat(dir, path.Base(resolvConf), &st, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK
}

func resolvConfText(r resource.Resolver) string {
	var b strings.Builder
	b.WriteString(banner)
	if len(r.Search) > 0 {
		b.WriteString("search " + strings.Join(r.Search, " ") + "\n")
	}
	for _, s := range r.Servers {
		b.WriteString("nameserver " + s + "\n")
	}
	return b.String()
}

// parseResolvConf: the last of search and domain counts (resolv.conf(5)).
// busybox's DHCP client writes which interface a line is of behind a "#".
func parseResolvConf(text string) (r resource.Resolver) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		switch {
		case len(words) < 2:
		case words[0] == "nameserver":
			r.Servers = append(r.Servers, words[1])
		case words[0] == "search", words[0] == "domain":
			r.Search = words[1:]
		}
	}
	return unique(r)
}

func resolvedText(r resource.Resolver) string {
	return banner + "[Resolve]\nDNS=" + strings.Join(r.Servers, " ") + "\nDomains=" + strings.Join(r.Search, " ") + "\n"
}

func parseResolved(text string) (r resource.Resolver) {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "DNS":
			r.Servers = strings.Fields(value)
		case "Domains":
			r.Search = strings.Fields(value)
		}
	}
	return unique(r)
}

// unique leaves out what is said twice: clients of two interfaces do that.
func unique(r resource.Resolver) resource.Resolver {
	once := func(list []string) (kept []string) {
		for _, s := range list {
			if !slices.Contains(kept, s) {
				kept = append(kept, s)
			}
		}
		return kept
	}
	return resource.Resolver{Servers: once(r.Servers), Search: once(r.Search)}
}
