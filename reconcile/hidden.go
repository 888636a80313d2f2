package reconcile

import (
	"errors"
	"fmt"

	"strake/reconcile/resource"
)

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
