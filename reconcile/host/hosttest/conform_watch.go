package hosttest

import (
	"context"
	"testing"
	"time"

	"strake/reconcile/resource"
)

// conformWatch: whoever follows a container hears of its interfaces, its
// definition and its end, of its bridge and of the guard.
func (m Machine) conformWatch(t *testing.T, c resource.Container, guard resource.Guard) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	heard := make(chan resource.Notice, 10000)
	tell := func(n resource.Notice) { heard <- n }
	inits, err := m.Containers.WatchInits(ctx, tell)
	does(t, "watch inits", err)
	devices, err := m.Devices.WatchDevices(ctx, tell)
	does(t, "watch devices", err)
	does(t, "watch rules", m.Filter.WatchRules(ctx, tell))
	follow := func() {
		t.Helper()
		list, err := inits(ctx, []string{c.Name, "absent"})
		does(t, "follow inits", err)
		if len(list) != 1 || list[0].Container != c.Name || list[0].PID != m.live(t, c.Name).Init {
			t.Fatalf("followed %+v", list)
		}
		does(t, "follow devices", devices(list))
	}
	hears := func(what string, want resource.Notice) {
		t.Helper()
		for late := time.After(5 * time.Second); ; {
			select {
			case n := <-heard:
				if n == want {
					return
				}
			case <-late:
				t.Fatalf("%s: not told", what)
			}
		}
	}
	quiet := func() {
		for {
			select {
			case <-heard:
			case <-time.After(100 * time.Millisecond):
				return
			}
		}
	}
	follow()
	follow()
	mine := resource.Notice{Container: c.Name}
	pid, nic, moved := m.live(t, c.Name).Init, c.NICs[0], c.NICs[0]
	moved.IPv4 = "10.66.0.77/24"
	quiet()
	does(t, "change NIC", m.Devices.ChangeNIC(ctx, pid, nic, moved))
	hears("an address", mine)
	does(t, "change NIC back", m.Devices.ChangeNIC(ctx, pid, moved, nic))
	quiet()
	wide := c.Networks[0]
	wide.MTU = 1400
	does(t, "change network", m.Devices.EnsureNetwork(ctx, wide))
	hears("a bridge", resource.Notice{Device: wide.Bridge})
	does(t, "change network back", m.Devices.EnsureNetwork(ctx, c.Networks[0]))
	quiet()
	does(t, "take the guard away", m.Filter.Set(ctx, resource.Guard{}))
	hears("the guard", resource.Notice{Firewall: true})
	does(t, "set guard", m.Filter.Set(ctx, guard))
	quiet()
	d, _, err := m.Containers.Definition(c.Name)
	does(t, "read definition", err)
	d.Tail += "# a line\n"
	does(t, "define", m.Containers.Define(c.Name, d))
	hears("the definition", mine)
	quiet()
	does(t, "kill", m.Containers.Kill(ctx, c.Name))
	hears("the end", mine)
	does(t, "start", m.Containers.Start(ctx, c.Name))
	follow()
	quiet()
	does(t, "kill the next", m.Containers.Kill(ctx, c.Name))
	hears("the next one's end", mine)
	does(t, "start", m.Containers.Start(ctx, c.Name))
	stop()
}
