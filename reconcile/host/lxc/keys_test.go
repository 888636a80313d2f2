//go:build linux && cgo

package lxc

import (
	"os"
	"slices"
	"strings"
	"testing"

	golxc "github.com/lxc/go-lxc"
)

// TestKeyTable compares the language's table of LXC keys with the library that
// is there: all that it lists, and nothing that it does not take.
func TestKeyTable(t *testing.T) {
	text, err := os.ReadFile("../../../spec/lxckeys.txt")
	must(t, err)
	table := strings.Fields(string(text))
	c, err := golxc.NewContainer("keys", t.TempDir())
	must(t, err)
	defer c.Release()
	listed := c.ConfigKeys()
	if len(listed) < 80 {
		t.Fatalf("liblxc lists only %q", listed)
	}
	for _, key := range listed {
		group := func(k string) bool { return strings.HasPrefix(k, key+".") }
		if key != "" && !slices.Contains(table, key) && !slices.ContainsFunc(table, group) {
			t.Errorf("the table has no %s", key)
		}
	}
	for _, key := range table {
		switch {
		case strings.HasPrefix(key, "lxc.net.#."):
			if !takesNet(t, strings.TrimPrefix(key, "lxc.net.#.")) {
				t.Errorf("liblxc %s does not take %s", golxc.Version(), key)
			}
		case strings.HasSuffix(key, ".*"):
			if c.SetConfigItem(strings.TrimSuffix(key, "*")+"net", "1") != nil {
				t.Errorf("liblxc %s has no family %s", golxc.Version(), key)
			}
		case !golxc.IsSupportedConfigItem(key):
			t.Errorf("liblxc %s has no %s", golxc.Version(), key)
		}
	}
}

// takesNet tries the settings of an interface with a value of their kind.
func takesNet(t *testing.T, key string) bool {
	value, kind := "1", "veth"
	switch family, last := strings.Split(key, ".")[0], key[strings.LastIndexByte(key, '.')+1:]; {
	case key == "type":
		value = "veth"
	case key == "flags":
		value = "up"
	case key == "hwaddr":
		value = "02:00:00:00:00:01"
	case last == "address" && family == "ipv4", key == "veth.ipv4.route":
		value = "10.0.0.0/24"
	case last == "address", key == "veth.ipv6.route":
		value = "fd00::/64"
	case last == "gateway" && family == "ipv4":
		value = "10.0.0.1"
	case last == "gateway":
		value = "fd00::1"
	case key == "veth.mode":
		value = "router"
	case key == "ipvlan.mode":
		kind, value = "ipvlan", "l3"
	case key == "macvlan.mode", key == "ipvlan.isolation":
		kind, value = family, "bridge"
	case key == "vlan.id":
		kind = "vlan"
	}
	c, err := golxc.NewContainer("net", t.TempDir())
	must(t, err)
	defer c.Release()
	must(t, c.SetConfigItem("lxc.net.0.type", kind))
	return c.SetConfigItem("lxc.net.0."+key, value) == nil
}
