package reconcile

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// TestGuardAdoption: what would have to be changed is not taken over.
func TestGuardAdoption(t *testing.T) {
	p := plan.Plan{Containers: []plan.ContainerPlan{
		{Name: "a", Action: plan.Adopt},
		{Name: "b", Action: plan.Update, Changes: []plan.Change{{Path: "hostname"}}},
	}}
	if err := guardAdoption(p); err != nil {
		t.Error(err)
	}
	p.Containers[0].Changes = []plan.Change{{Path: "limits.memory", Old: "1GiB"}}
	err := guardAdoption(p)
	if !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), "limits.memory: it has 1GiB, the text says nothing") || !strings.Contains(err.Error(), "strake import a") {
		t.Error(err)
	}
}

// TestOverlook: of an adopted container only that shows which somebody has a
// word for.
func TestOverlook(t *testing.T) {
	known := resource.Container{
		Image: resource.Image{Source: "adopted:dir:/x"}, Raw: map[string]string{"lxc.cgroup2.memory.max": "1G", "lxc.net.1.type": "phys"},
		NICs: []resource.NIC{{Name: "eth0", Bridge: "br0", MAC: "4a:00:00:00:00:01"}},
	}
	have := resource.Container{
		Hostname: "host", IDMap: resource.IDMap{Privileged: true}, Limits: resource.Limits{Memory: 1 << 30, Processes: 7},
		NICs: []resource.NIC{
			{Name: "eth0", Bridge: "br0", Device: "vethX", MAC: "4a:00:00:00:00:02", IPv4: "10.0.0.9/24"},
			{Name: "eth1", Bridge: "br1"},
		},
	}
	overlook(&have, []resource.Container{known})
	if have.Hostname != "" || have.IDMap != (resource.IDMap{}) || have.Limits != (resource.Limits{Processes: 7}) {
		t.Errorf("%+v", have)
	}
	if len(have.NICs) != 1 || !reflect.DeepEqual(have.NICs[0], resource.NIC{Name: "eth0", Bridge: "br0", MAC: "4a:00:00:00:00:02"}) {
		t.Errorf("%+v", have.NICs)
	}
}
