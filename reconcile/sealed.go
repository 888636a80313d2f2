package reconcile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

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
		value, err := r.value(p.Secrets[i], !strings.HasPrefix(path, "secret_file["), "")
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
		if c := &p.Containers[i]; c.Want != nil && c.Acts() && (c.Want.Secrets() || len(c.Want.Egress) > 0 || c.Want.Build != nil) {
			c.Digest = resource.Digest(c.Want)
		}
	}
	return err
}

// kept says whether a value can be brought that nobody can read again: that of
// an older generation, or one that was given by hand when a plan was made.
func (e *Engine) kept(s resource.Secret) error {
	if s.Digest == "" {
		return notKept(s)
	}
	_, err := e.Host.Vault.Reveal(s.Digest)
	if errors.Is(err, resource.ErrNotFound) {
		return notKept(s)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrPolicy, orSensitive(s.From), err)
	}
	return nil
}

func notKept(s resource.Secret) error {
	return fmt.Errorf("%w: the value of %s is not kept on this host; apply the configuration that has it", ErrPolicy, orSensitive(s.From))
}

// allKept says it of all that a container's next start brings.
func (e *Engine) allKept(c resource.Container) error {
	return c.EachSecret(func(_ string, s *resource.Secret) error { return e.kept(*s) })
}

func orSensitive(from string) string {
	if from == "" {
		return "a sensitive setting"
	}
	return from
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
