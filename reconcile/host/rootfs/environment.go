package rootfs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"strake/reconcile/resource"
)

// ErrVariable: a name or a value that no login could be given.
var ErrVariable = errors.New("not an environment variable")

// Environment reads back what SetEnvironment delivered. A file that does not
// hold exactly what belongs into it shows as an entry of its own, by its path
// (no variable has a slash in its name), with what is wrong as the value: so
// a hand edit of any one of them is a difference. Error: ErrNotMounted.
func (r *Roots) Environment(container string) (map[string]string, error) {
	in, err := r.enter(container, 0)
	if err != nil {
		return nil, fmt.Errorf("read environment of %s: %w", container, err)
	}
	defer in.close()
	env, err := in.environment()
	if err != nil {
		return nil, fmt.Errorf("read environment of %s: %w", container, err)
	}
	return env, nil
}

func (in *inside) environment() (map[string]string, error) {
	list := in.deliveries()
	found := make([]content, len(list))
	var told []map[string]string
	for i, d := range list {
		var err error
		if found[i], err = in.read(d.path); err != nil {
			return nil, err
		}
		if d.parse != nil {
			told = append(told, d.parse(string(found[i].text)))
		}
	}
	env := agreed(told)
	drift := map[string]string{}
	for i, d := range list {
		if wrong := d.wrong(found[i], env); wrong != "" {
			drift["/"+d.path] = wrong
		}
	}
	maps.Copy(env, drift)
	return env, nil
}

// agreed takes what at least half of the files say, the first of them where
// they are at odds.
func agreed(told []map[string]string) map[string]string {
	type saying struct{ name, value string }
	votes := map[saying]int{}
	for _, m := range told {
		for k, v := range m {
			votes[saying{k, v}]++
		}
	}
	env := map[string]string{}
	for _, m := range told {
		for k, v := range m {
			if _, taken := env[k]; !taken && 2*votes[saying{k, v}] >= len(told) {
				env[k] = v
			}
		}
	}
	return env
}

// wrong says how a file differs from what delivers env.
func (d delivery) wrong(have content, env map[string]string) string {
	old, want, keep := string(have.text), "", false
	if have.there && !have.open && !d.shared {
		return "is not a plain file of mode 0644"
	}
	want, keep = d.render(old, env)
	switch {
	case !keep && have.there:
		return "is left over"
	case keep && !have.there && want != "":
		return "is missing"
	case keep && have.there && old != want:
		return "was changed by hand"
	}
	return ""
}

// SetEnvironment delivers env, and nothing else, to logins (PAM and shells),
// services of systemd and its user managers, and apt, in the container's
// mounted root. Files that are right are not written. A running systemd has
// to be told: `systemctl daemon-reload`. Errors: ErrNotMounted, ErrVariable.
func (r *Roots) SetEnvironment(container string, ids resource.IDMap, env map[string]string) error {
	if err := r.setEnvironment(container, ids, env); err != nil {
		return fmt.Errorf("set environment of %s: %w", container, err)
	}
	return nil
}

func (r *Roots) setEnvironment(container string, ids resource.IDMap, env map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if err := checkVariable(name, env[name]); err != nil {
			return err
		}
	}
	in, err := r.enter(container, int(ids.Base))
	if err != nil {
		return err
	}
	defer in.close()
	var failed []error
	for _, d := range in.deliveries() {
		failed = append(failed, in.deliver(d, env))
	}
	return errors.Join(failed...)
}

func (in *inside) deliver(d delivery, env map[string]string) error {
	have, err := in.read(d.path)
	if err != nil {
		return err
	}
	if d.shared && have.there && have.text == nil {
		return fmt.Errorf("/%s: not a plain file, or too large", d.path)
	}
	text, keep := d.render(string(have.text), env)
	if !keep {
		return in.remove(d.path)
	}
	if d.shared && text == string(have.text) {
		return nil // also a missing one that needs nothing in it
	}
	return in.write(d.path, []byte(text))
}

func checkVariable(name, value string) error {
	for i, c := range name {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return fmt.Errorf("%q: %w: letters, digits and underscores only", name, ErrVariable)
		}
	}
	if name == "" {
		return fmt.Errorf("empty name: %w", ErrVariable)
	}
	if !utf8.ValidString(value) || strings.ContainsAny(value, "\n\r\x00") {
		return fmt.Errorf("%s: %w: its value is not one line of text", name, ErrVariable)
	}
	return nil
}
