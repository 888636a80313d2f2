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
	Has(digest string) bool
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
		for _, s := range slots(c) {
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
	pos := s.Pos
	if p, ok := s.At["file"]; ok {
		pos = p
	}
	if pos.String() == "" {
		return ""
	}
	return pos.String() + ": "
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

// digests fills in the digests of what wanted containers are to get.
func (e *Engine) digests(containers []resource.Container, values map[string]spec.Sensitive) error {
	for i := range containers {
		c := &containers[i]
		err := c.EachSecret(func(path string, s *resource.Secret) (err error) {
			if v, ok := values[plan.Slot(c.Name, path)]; ok {
				s.Digest, err = e.Host.Vault.Digest([]byte(v.Reveal()))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// reread reads the secrets of a saved plan, which holds no value. They must be
// those that it was made with.
func (e *Engine) reread(p *plan.Plan) error {
	r := secretReader{e: e, read: map[string]spec.Sensitive{}}
	p.Values = map[string]spec.Sensitive{}
	return eachSecret(p, func(c *plan.ContainerPlan, path string, s *resource.Secret) error {
		i := slices.IndexFunc(p.Secrets, func(b plan.Secret) bool { return "secret."+b.Name == s.From })
		if i < 0 {
			return e.kept(*s)
		}
		value, err := r.value(p.Secrets[i], strings.HasPrefix(path, "environment["), "")
		if err != nil {
			return err
		}
		digest, err := e.Host.Vault.Digest([]byte(value.Reveal()))
		if err == nil && s.Digest != "" && s.Digest != digest {
			err = fmt.Errorf("%w (%s has another value)", ErrStale, s.From)
		}
		p.Values[plan.Slot(c.Name, path)] = value
		return err
	})
}

// eachSecret calls f with every secret that the plan brings somewhere.
func eachSecret(p *plan.Plan, f func(c *plan.ContainerPlan, path string, s *resource.Secret) error) error {
	for i := range p.Containers {
		c := &p.Containers[i]
		if c.Want == nil || !c.Acts() {
			continue
		}
		if err := c.Want.EachSecret(func(path string, s *resource.Secret) error { return f(c, path, s) }); err != nil {
			return fmt.Errorf("container %s: %w", c.Name, err)
		}
	}
	return nil
}

// keepSecrets seals what the plan's containers get, before anything needs it.
// The host's key may be made by that: then the digests are known only now.
func (e *Engine) keepSecrets(p *plan.Plan) error {
	err := eachSecret(p, func(c *plan.ContainerPlan, path string, s *resource.Secret) error {
		value, ok := p.Values[plan.Slot(c.Name, path)]
		if !ok {
			return e.kept(*s)
		}
		digest, err := e.Host.Vault.Keep([]byte(value.Reveal()))
		s.Digest = digest
		return err
	})
	for i := range p.Containers {
		if c := &p.Containers[i]; c.Want != nil && c.Acts() && c.Want.Secrets() {
			c.Digest = resource.Digest(c.Want)
		}
	}
	return err
}

// kept says whether a value is there that nobody can read again: that of an
// older generation, or one that was given by hand when a plan was made.
func (e *Engine) kept(s resource.Secret) error {
	if s.Digest != "" && e.Host.Vault.Has(s.Digest) {
		return nil
	}
	return fmt.Errorf("%w: the value of %s is not kept on this host; apply the configuration that has it", ErrPolicy, orSensitive(s.From))
}

func orSensitive(from string) string {
	if from == "" {
		return "a sensitive setting"
	}
	return from
}

// Variables is the environment of a container as its current generation says,
// secrets included.
func (e *Engine) Variables(name string) (map[string]string, error) {
	c, err := e.current(name)
	if err != nil {
		return nil, err
	}
	env := make(map[string]string, len(c.Environment)+len(c.Hidden))
	for k, v := range c.Environment {
		env[k] = v
	}
	for k, s := range c.Hidden {
		value, err := e.Host.Vault.Reveal(s.Digest)
		if err != nil {
			return nil, fmt.Errorf("container %s: %s: %w", name, k, err)
		}
		env[k] = string(value)
	}
	return env, nil
}

// observeSecrets adds the secrets that a running container really has. It is
// looked for only where some are known of.
func (e *Engine) observeSecrets(s subject, o *resource.Observed) error {
	ask, any := resource.Container{Name: s.name, IDMap: o.Have.IDMap}, false
	for _, c := range s.known {
		any = any || c.Secrets()
		ask.SecretFiles = append(ask.SecretFiles, c.SecretFiles...)
	}
	if !any {
		return nil
	}
	digest := func(value []byte) string {
		d, err := e.Host.Vault.Digest(value)
		if err != nil || d == "" {
			return "unknown" // without the key everything differs
		}
		return d
	}
	have, drift, err := e.Host.Roots.Secrets(o.Init, ask, digest)
	if errors.Is(err, resource.ErrNotMounted) {
		return nil // the writable layer shows as missing, and a restart mends all
	}
	if err != nil {
		return err
	}
	o.Have.Hidden, o.Have.SecretFiles = have.Hidden, have.SecretFiles
	for path, wrong := range drift {
		if o.Have.Environment == nil {
			o.Have.Environment = map[string]string{}
		}
		o.Have.Environment[path] = wrong
	}
	return nil
}

// sweepSecrets lists the kept values that no generation speaks of any more.
// Where one can't be read, it may speak of any.
func (e *Engine) sweepSecrets() ([]string, error) {
	kept, err := e.Host.Vault.List()
	if err != nil || len(kept) == 0 {
		return nil, err
	}
	used := map[string]bool{}
	err = e.eachRecorded(func(c *resource.Container) {
		_ = c.EachSecret(func(_ string, s *resource.Secret) error { used[s.Digest] = true; return nil })
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(kept, func(d string) bool { return used[d] }), nil
}

// dropSecrets deletes what sweepSecrets lists.
func (e *Engine) dropSecrets() error {
	list, err := e.sweepSecrets()
	for _, d := range list {
		err = errors.Join(err, e.Host.Vault.Drop(d))
	}
	return err
}
