package reconcile

import "context"

// EnsureNamed makes ready what the current generation of a container needs for
// a start. It takes no lock: the pre-start hook runs while a run that starts
// the container holds it.
func (e *Engine) EnsureNamed(ctx context.Context, name string) error {
	c, err := e.current(name)
	if err != nil {
		return err
	}
	return e.acting().Ready(ctx, c)
}

// Complete brings what a container's current generation has that liblxc can't
// make: secrets, IPv6 addresses that work before its init runs, and the rest of
// its interfaces.
func (e *Engine) Complete(ctx context.Context, name string, init int) error {
	c, err := e.current(name)
	if err != nil {
		return err
	}
	if c.Secrets() {
		err = e.Host.Roots.DeliverSecrets(init, c, e.Host.Vault.Reveal)
	}
	if err == nil && c.Apart() {
		err = e.Host.Devices.Settle(ctx, init, c.NICs)
	}
	for _, n := range c.NICs {
		if err == nil && n.Incomplete() {
			err = e.Host.Devices.ChangeNIC(ctx, init, n, n)
		}
	}
	if err != nil || !c.Attended() {
		return err
	}
	// Without its way out it starts all the same, and has none until there is; so
	// it is with published ports.
	if err := e.acting().OpenOutlet(ctx, c, init); err != nil {
		e.progress(name + ": no way out, nor published ports: " + err.Error())
	}
	return nil
}
