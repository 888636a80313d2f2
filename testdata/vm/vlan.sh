#!/bin/bash
# VLANs on bridges, which Debian's kernel tells apart. Called by host.sh.
set -euo pipefail
cd /srv/strake

fail() { echo "FAILED: vlan: $*"; exit 1; }
reaches() { strake run "$1" -- ping -c 1 -W 2 "$2" >/dev/null 2>&1; }
same() { strake plan --detailed-exitcode vlan.hcl || fail "the plan is not empty $*"; }
device() { strake run "$1" -- cat "/sys/class/net/$2/iflink" | while read -r i; do ip -o link | sed -n "s/^$i: \([^@:]*\).*/\1/p"; done; }

ip link add br0 type bridge
ip link set br0 up
strake plan vlan.hcl >plan.out 2>&1 && fail "a bridge of others that tells no VLANs apart is taken"
grep -q "ip link set br0 type bridge vlan_filtering 1" plan.out || fail "$(cat plan.out)"
ip link set br0 type bridge vlan_filtering 1
ip link add out type veth peer name far
ip link set out master br0 up
bridge vlan add vid 9 dev out pvid untagged
bridge vlan add vid 10 dev out
ip link set far up
ip address add 10.105.0.1/24 dev far
before=$(bridge vlan show dev out)

strake apply --yes vlan.hcl
same "after an apply"
reaches in-a 10.104.0.3 || fail "two of one VLAN"
reaches in-none 10.104.0.1 || fail "the host, from no VLAN"
reaches in-a 10.104.0.4 && fail "from a VLAN to none"
reaches in-a 10.104.0.1 && fail "from a VLAN to the host"
reaches in-none 10.105.0.1 || fail "out by the VLAN of another's bridge"

strake stop in-a
lxc-start in-a
same "after a start by LXC"
reaches in-a 10.104.0.3 || fail "two of one VLAN, started by LXC"

port=$(device in-b eth0)
pid=$(lxc-info -n in-b -pH)
bridge vlan del vid 7 dev "$port"
reaches in-a 10.104.0.3 && fail "without the VLAN"
strake plan vlan.hcl | grep -q vlan || fail "a port that was taken out of its VLAN does not show"
strake apply --yes vlan.hcl
reaches in-a 10.104.0.3 || fail "mended"
bridge vlan add vid 8 dev "$port"
strake plan vlan.hcl | grep -q vlan || fail "a port that was put into another VLAN, too, does not show"
strake apply --yes vlan.hcl
ip link set st-tagged type bridge vlan_filtering 0
strake plan vlan.hcl | grep -q vlan || fail "a bridge that tells VLANs apart no more does not show"
strake apply --yes vlan.hcl
same "after all was mended"

sed -i '/"in-b"/,/^}/s/vlan .*//' vlan.hcl
strake apply --yes vlan.hcl
same "after one left its VLAN"
reaches in-b 10.104.0.4 || fail "back with the others"
reaches in-a 10.104.0.3 && fail "from a VLAN to one that left it"
strake rollback --yes in-b
strake release in-b
reaches in-a 10.104.0.3 || fail "rolled back"
[ "$pid" = "$(lxc-info -n in-b -pH)" ] || fail "a live change restarted it"
[ "$before" = "$(bridge vlan show dev out)" ] || fail "a port of others was changed"

strake destroy --force --purge --yes in-a
strake destroy --force --purge --yes in-b
strake destroy --force --purge --yes in-none
ip link del br0
ip link del out
