#!/bin/bash
# Shows strake's main job on this machine: two containers are made, changed
# while they run, and brought back. At the end everything it made is gone
# again; KEEP=1 leaves it running.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "demo: be root: containers, bridges and firewall rules are root's" >&2; exit 1; }

work=$(mktemp -d)
config=$work/containers.hcl
cp examples/quickstart/containers.hcl "$config"

remove() {
	for c in c2 c1; do
		if ./strake exists "$c"; then ./strake destroy "$c" --force --purge --yes; fi
	done
	echo 'stack "quickstart" {}' >"$config"
	./strake apply --yes "$config"
}
leave() {
	if [ "${KEEP:-}" = 1 ]; then
		echo
		echo "Left running. Remove with: ./strake destroy c1 --force --purge (and c2)"
	else
		remove >/dev/null 2>&1 || echo "demo: not everything could be removed; see ./strake status" >&2
		rm -rf "$work"
	fi
}
trap leave EXIT

show() { printf '\n\033[1m$ strake %s\033[0m\n' "${*//$work\//}"; ./strake "$@"; }

if ./strake exists c1 || ./strake exists c2; then
	echo "demo: c1 or c2 exists already; it is replaced only if it is the demo's own" >&2
	case "$(./strake status c1 --json 2>/dev/null; ./strake status c2 --json 2>/dev/null)" in
	*'"stack": "quickstart"'* | *'"stack":"quickstart"'*) remove >/dev/null 2>&1 ;;
	*) trap - EXIT; exit 1 ;;
	esac
	cp examples/quickstart/containers.hcl "$config"
fi

show apply --yes "$config"
show status
show run c1 -- sh -c 'hostname; id -u; echo "proxy: $http_proxy"; ip -o -4 address show dev eth0'

echo
echo "# More memory for c1, another variable: live, no restart."
sed -i '/^container "c1" {/a\  environment = { GREETING = "hello" }\n  limits { memory = "128MiB" }' "$config"
show plan "$config"
show apply --yes "$config"
show run c1 -- sh -c 'echo $GREETING'
show list-generations c1

echo
echo "# And back."
show rollback c1 --yes
show list-generations c1
show status
