package reconcile

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// secrets are the values that must not be seen, by digest.
type secrets interface {
	Recipient() (string, error)
	Read(root, name string) ([]byte, error)
	Digest(value []byte) (string, error) // "" while the host has no key
	Keep(value []byte) (digest string, err error)
	Reveal(digest string) ([]byte, error)
	List() ([]string, error)
	Drop(digest string) error
}

// Recipient is what secrets are encrypted to for this host.
func (e *Engine) Recipient() (string, error) { return e.Host.Vault.Recipient() }

// readSecrets reads every secret that a container of the wish is to get. The
// files are read once, whoever needs them.
func (e *Engine) readSecrets(w Wish) ([]plan.Secret, map[string]spec.Sensitive, error) {
	blocks := map[string]spec.Secret{}
	for _, s := range w.Stack.Secrets {
		blocks[s.Name] = s
	}
	r := secretReader{e: e, read: map[string]spec.Sensitive{}}
	values := map[string]spec.Sensitive{}
	var errs []error
	for _, c := range w.Stack.Containers {
		if !w.takes(c.Name) {
			continue
		}
		for _, s := range append(slots(c), passwords(w.Stack, c)...) {
			value := s.from.Text
			if s.from.Secret != "" {
				b := blocks[s.from.Secret]
				var err error
				if value, err = r.value(plan.Secret{Name: b.Name, Root: w.Root, File: b.File}, s.variable, at(b)); err != nil {
					errs = append(errs, err)
				}
			}
			values[plan.Slot(c.Name, s.path)] = value
		}
	}
	return r.list, values, errors.Join(errs...)
}

// at is where the file of a secret was written.
func at(s spec.Secret) string {
	if p, ok := s.At["file"]; ok {
		return place(p)
	}
	return place(s.Pos)
}

// slot is one setting that holds a secret.
type slot struct {
	path     string
	from     spec.Confidential
	variable bool
}

func slots(c spec.Container) []slot {
	var list []slot
	for name, from := range c.Hidden {
		list = append(list, slot{resource.Labelled("environment", name), from, true})
	}
	for _, f := range c.SecretFiles {
		list = append(list, slot{resource.Labelled("secret_file", filepath.Clean(f.Target)), f.From, false})
	}
	slices.SortFunc(list, func(a, b slot) int { return strings.Compare(a.path, b.path) })
	return list
}

// passwords are those of the proxies that the container's egress goes through.
func passwords(stack spec.Stack, c spec.Container) []slot {
	var list []slot
	for _, e := range stack.Egress {
		if e.UpstreamPassword == (spec.Confidential{}) {
			continue
		}
		for kind, names := range map[string][]string{"egress": c.Egress, "build.egress": c.Build.Egress} {
			if slices.Contains(names, e.Name) {
				list = append(list, slot{resource.Labelled(kind, e.Name) + ".upstream_password", e.UpstreamPassword, true})
			}
		}
	}
	return list
}

// secretReader reads each file once, and says once what is wrong with it.
type secretReader struct {
	e    *Engine
	list []plan.Secret
	read map[string]spec.Sensitive
	told map[string]bool
}

// value is what a container gets of a secret's file.
func (r *secretReader) value(s plan.Secret, variable bool, at string) (spec.Sensitive, error) {
	v, ok := r.read[s.Name]
	if !ok {
		if r.told[s.Name] {
			return v, nil
		}
		text, err := r.e.Host.Vault.Read(s.Root, s.File)
		if err != nil {
			if r.told == nil {
				r.told = map[string]bool{}
			}
			r.told[s.Name] = true
			return v, fmt.Errorf("%w: %ssecret %q: %w", ErrInvalid, at, s.Name, err)
		}
		v = spec.Hide(string(text))
		r.read[s.Name] = v
		r.list = append(r.list, s)
	}
	if !variable {
		return v, nil
	}
	line := oneLine(v)
	if why := spec.VariableFault(line.Reveal()); why != "" {
		return v, fmt.Errorf("%w: %ssecret %q can't be a variable: its value %s; show it with a secret_file", ErrInvalid, at, s.Name, why)
	}
	return line, nil
}

// oneLine is the value without the line's end that editors and echo write.
func oneLine(v spec.Sensitive) spec.Sensitive {
	return spec.Hide(strings.TrimSuffix(strings.TrimSuffix(v.Reveal(), "\n"), "\r"))
}
