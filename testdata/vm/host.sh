#!/bin/bash
# Runs on the host in the machine, as root, once after each of its two boots.
# Whatever fails ends it; the last line says whether all went well.
set -euo pipefail
cd /srv/strake
PATH=/srv/strake:$PATH

fail() {
	echo "FAILED: $*"
	journalctl -q --no-pager -o cat -u 'strake-*' | tail -40
	exit 1
}
expect() { # what is expected, and the command that has to say so
	local want=$1 got
	shift
	got=$("$@" 2>&1) || fail "$*: $got"
	[[ $got == *"$want"* ]] || fail "$*: wanted $want, got: $got"
}
booted() { # systemd in the container has started everything; what failed is told
	local state
	state=$(strake run debian -- systemctl is-system-running --wait) || true
	[ "$state" = running ] && return
	[ "$state" = degraded ] && strake run debian -- systemctl --failed --no-legend >/dev/ttyS0
}
until_ok() { for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 3; done; fail "in time: $*"; }

first() {
	[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || fail "this host is to have cgroup2 alone"
	grep -q Y /sys/module/apparmor/parameters/enabled || fail "this host is to have AppArmor"
	strake doctor || true
	expect "no stack" bash -c 'strake status 2>&1; echo no stack'
	strake apply --yes containers.hcl
	until_ok booted
	expect "lxc-" cat "/proc/$(lxc-info -n small -pH)/attr/current"
	expect "RUNNING" lxc-ls -f
	expect "67108864" strake run small -- cat /sys/fs/cgroup/memory.max
	expect "hello" strake run debian -- sh -c 'echo $GREETING'
	expect "1 packets received" strake run small -- ping -c 1 -W 5 10.103.0.1
	[ "$(stat -c %u "/proc/$(lxc-info -n small -pH)")" -ge 100000 ] || fail "init is root outside"

	pid=$(lxc-info -n small -pH)
	sed -i 's/64MiB/96MiB/' containers.hcl
	strake apply --yes containers.hcl
	expect "100663296" strake run small -- cat /sys/fs/cgroup/memory.max
	[ "$pid" = "$(lxc-info -n small -pH)" ] || fail "a live change restarted it"
	strake plan --detailed-exitcode containers.hcl || fail "a plan right after an apply is not empty"
	strake rollback small --yes
	expect "67108864" strake run small -- cat /sys/fs/cgroup/memory.max
	strake run debian -- sh -c 'echo data >/root/kept'
	strake list-generations small
	agent
}

# serve has a site on the host, in a network of the host's own.
serve() {
	mkdir -p /srv/site
	echo site >/srv/site/index.html
	busybox httpd -h /srv/site -p 10.103.0.1:80
}

inits() { for c in small debian third; do lxc-info -n $c -pH; done; }

agent() {
	mkdir -p /etc/strake /srv/strake/more
	cat >/etc/strake/agent.hcl <<-'END'
		folder "more" {
		  path = "/srv/strake/more"
		}

		api {
		  read_group = "nogroup"
		}
	END
	cat >more/main.hcl <<-'END'
		stack "more" {}

		egress "site" {
		  allow = ["10.103.0.1"]
		}

		container "third" {
		  autostart = true
		  egress    = egress.site
		}
	END
	strake install-units --enable || fail "the units don't start"
	expect active systemctl is-active strake-agent
	until_ok strake exists third
	until_ok sh -c 'strake status --json | grep -q "\"state\": \"ok\""'
	expect "more" setpriv --reuid=65534 --regid=65534 --clear-groups strake status
	systemctl enable -q --now strake-egress
	serve
	expect site strake run third -- wget -q -O - http://10.103.0.1/
	expect "more: ok" systemctl show -p StatusText strake-agent
	until_ok sh -c 'journalctl -q -o cat STRAKE_SOURCE=more | grep -q .'
	grep -q strake-agent "/proc/$(lxc-info -n third -pH)/cgroup" && fail "a container lives in the agent's cgroup"
	for p in $(cat /sys/fs/cgroup/system.slice/strake-agent.service/cgroup.procs); do
		! grep -qs 'lxc monitor' "/proc/$p/cmdline" || fail "a container's monitor lives in the agent's cgroup"
	done

	# Reloaded, killed, upgraded, stopped: no container notices, and its way out stays.
	before=$(inits)
	proxy=$(systemctl show -p MainPID --value strake-egress)
	systemctl reload strake-agent
	until_ok sh -c '[ "$(systemctl is-active strake-agent)" = active ]'
	pid=$(systemctl show -p MainPID --value strake-agent)
	kill -KILL "$pid"
	until_ok sh -c "systemctl is-active strake-agent && [ \$(systemctl show -p MainPID --value strake-agent) != $pid ]"
	cp strake strake.next
	mv strake.next strake
	systemctl restart strake-agent
	expect active systemctl is-active strake-agent
	echo '# read again' >>more/main.hcl
	sed -i 's/autostart = true/&\n  limits {\n    memory = "48MiB"\n  }/' more/main.hcl
	until_ok sh -c 'strake run third -- grep -q 50331648 /sys/fs/cgroup/memory.max'
	systemctl stop strake-agent
	[ "$before" = "$(inits)" ] || fail "a container was restarted: $before, now $(inits)"
	expect site strake run third -- wget -q -O - http://10.103.0.1/
	systemctl start strake-agent
	[ "$before" = "$(inits)" ] || fail "a container was restarted: $before, now $(inits)"
	[ "$proxy" = "$(systemctl show -p MainPID --value strake-egress)" ] || fail "the proxy was restarted"
	systemctl kill -s KILL strake-egress
	until_ok strake run third -- wget -q -O - http://10.103.0.1/
	systemd-analyze verify --man=no /etc/systemd/system/strake-*.service /etc/systemd/system/strake-*.timer
	strake --plain status >standing
}

second() {
	until_ok booted
	expect active systemctl is-active strake-agent
	[ ! -e /etc/systemd/system/strake-boot.service ] || expect active systemctl is-active strake-boot
	until_ok sh -c 'strake --plain status | cmp -s standing -'
	strake status
	serve
	expect active systemctl is-active strake-egress
	expect site strake run third -- wget -q -O - http://10.103.0.1/
	expect 50331648 strake run third -- cat /sys/fs/cgroup/memory.max
	systemctl stop strake-agent # else it may mend what is broken next
	expect "67108864" strake run small -- cat /sys/fs/cgroup/memory.max
	expect "data" strake run debian -- cat /root/kept
	expect "10.103.0.2" strake run small -- ip -o -4 address show dev eth0
	expect "1 packets received" strake run small -- ping -c 1 -W 5 10.103.0.1
	sed -i 's/96MiB/64MiB/' containers.hcl
	strake plan --detailed-exitcode containers.hcl || fail "after the reboot the plan is not empty"
	nft flush ruleset
	ip link set "$(ls /sys/class/net/st-vm/brif | head -1)" nomaster
	expect "changed outside" strake plan containers.hcl
	strake apply --yes containers.hcl
	strake plan --detailed-exitcode containers.hcl || fail "the drift is not mended"
	. ./dns.sh
	if [ -e long ]; then
		bash vlan.sh
		. ./lvm.sh
	fi
	strake destroy small --force --purge --yes
	strake destroy debian --force --purge --yes
	strake destroy third --force --purge --yes
	strake install-units --remove
	[ -z "$(find /etc/systemd/system -name 'strake-*')" ] || fail "a unit is left"
	[ -z "$(lxc-ls)" ] || fail "something is left: $(lxc-ls)"
}

if [ ! -e booted ]; then
	first
	touch booted
	sync
	echo "REBOOTING"
	systemctl reboot
else
	second
	echo "ALL WENT WELL"
fi
