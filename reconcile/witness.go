package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"

	"strake/reconcile/apply"
	"strake/reconcile/health"
	"strake/reconcile/resource"
)

// witness asks the adapters how a container is.
type witness struct{ e *Engine }

// Killed counts the processes that the kernel killed for want of memory.
func (w witness) Killed(ctx context.Context, name string) (int, error) {
	return w.e.Host.Containers.Killed(ctx, name)
}

// Try looks at one thing once. What it says of it holds no secret.
func (w witness) Try(ctx context.Context, c resource.Container, live resource.Live, k resource.Check) error {
	err := w.try(ctx, c, live, k)
	if err == nil || errors.Is(err, health.ErrCertain) {
		return err
	}
	return errors.New(w.hush(c, err.Error()))
}

func (w witness) try(ctx context.Context, c resource.Container, live resource.Live, k resource.Check) error {
	host := w.e.Host
	switch k.Kind() {
	case "http":
		return host.Probes.HTTP(ctx, live.Init, own(c), k.URL, k.Status)
	case "tcp":
		return host.Probes.TCP(ctx, live.Init, own(c), k.Address)
	case "file":
		return host.Probes.File(live.Init, k.Path)
	case "address":
		return w.addressed(ctx, c, live, k.NIC)
	case "exec":
		exit, said, err := host.Containers.Exec(ctx, c.Name, w.environment(c), k.Command)
		if err == nil && exit != 0 {
			err = fmt.Errorf("%s: exit code %d: %s", k.Command[0], exit, firstLine(said))
		}
		return err
	case "units":
		return w.units(ctx, c, k.Units)
	}
	return fmt.Errorf("unknown kind of check %q", k.Kind())
}

// own are the addresses that the container was given.
func own(c resource.Container) []netip.Addr {
	var list []netip.Addr
	for _, text := range addresses(c) {
		if a, err := netip.ParseAddr(text); err == nil {
			list = append(list, a)
		}
	}
	return list
}

// addressed wants the interface to have what the text gives it.
func (w witness) addressed(ctx context.Context, c resource.Container, live resource.Live, name string) error {
	list, err := w.e.Host.Devices.NICs(ctx, live.Init, c.NICs)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list, func(n resource.NIC) bool { return n.Name == name })
	if at < 0 {
		return fmt.Errorf("there is no interface %s", name)
	}
	for _, n := range c.NICs {
		for _, six := range []bool{false, true} {
			leased := func(a string) bool { return resource.IsIPv6(a) == six }
			if n.Name == name && n.Asks(six) && !slices.ContainsFunc(list[at].Leased, leased) {
				return fmt.Errorf("interface %s was given no address yet", name)
			}
		}
		for _, want := range slices.Concat(bare(n.IPv4), bare(n.IPv6)) {
			has := slices.Concat(bare(list[at].IPv4), bare(list[at].IPv6))
			if n.Name == name && !slices.Contains(has, want) {
				return fmt.Errorf("interface %s does not have %s", name, want)
			}
		}
	}
	return nil
}

// units wants systemd's units to be active. One that has failed stays so.
func (w witness) units(ctx context.Context, c resource.Container, names []string) error {
	exit, said, err := w.e.Host.Containers.Exec(ctx, c.Name, w.environment(c), append([]string{"systemctl", "is-active", "--"}, names...))
	switch {
	case err != nil:
		return err
	case exit == 127:
		return fmt.Errorf("there is no systemctl in the container: %w", health.ErrCertain)
	case exit == 0:
		return nil
	}
	states := strings.Fields(said)
	if len(states) != len(names) {
		return fmt.Errorf("systemctl: exit code %d: %s", exit, firstLine(said))
	}
	for i, state := range states {
		if state == "failed" {
			return fmt.Errorf("unit %s has failed: %w", names[i], health.ErrCertain)
		}
	}
	at := slices.IndexFunc(states, func(state string) bool { return state != "active" })
	if at < 0 {
		return nil
	}
	return fmt.Errorf("unit %s is %s", names[at], states[at])
}

// environment is what commands in the container are run with.
func (w witness) environment(c resource.Container) map[string]string {
	env := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
	maps.Copy(env, c.Environment)
	return env
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if line == "" {
		return "it said nothing"
	}
	return line
}

// most is how much of a log is evidence, in bytes.
const most = 16 << 10

// Testify gathers what tells why a container is not well.
func (w witness) Testify(ctx context.Context, c resource.Container) []apply.Evidence {
	var list []apply.Evidence
	add := func(what, text string) {
		if text = strings.TrimSpace(text); text != "" {
			list = append(list, apply.Evidence{What: what, Text: w.hush(c, text)})
		}
	}
	for _, path := range w.e.State.Logs(c.Name) {
		add(path, tail(path))
	}
	for what, args := range map[string][]string{
		"systemctl --failed": {"systemctl", "--failed", "--no-legend", "--plain", "--no-pager"},
		"journalctl":         {"journalctl", "--boot", "--lines=100", "--no-pager", "--output=short-iso"},
	} {
		if exit, said, err := w.e.Host.Containers.Exec(ctx, c.Name, w.environment(c), args); err == nil && exit == 0 {
			add(what, said)
		}
	}
	slices.SortFunc(list, func(a, b apply.Evidence) int { return strings.Compare(a.What, b.What) })
	return list
}

// tail is the end of a log: the container can fill it.
func tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if end, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, end-most), io.SeekStart)
	}
	text, _ := io.ReadAll(io.LimitReader(f, most))
	return strings.ToValidUTF8(string(text), "?")
}

// hush takes the values of the container's secrets out of a text.
func (w witness) hush(c resource.Container, text string) string {
	_ = c.EachSecret(func(_ string, s *resource.Secret) error {
		value, err := w.e.Host.Vault.Reveal(s.Digest)
		if hidden := strings.TrimSpace(string(value)); err == nil && hidden != "" {
			text = strings.ReplaceAll(text, hidden, "(sensitive)")
		}
		return nil
	})
	return text
}
