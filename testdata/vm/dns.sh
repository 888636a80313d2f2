# Sourced on the host in the machine while no agent runs: what serves a network
# is a unit, which comes back when somebody ends it, and goes with the network.
cat >served.hcl <<-'END'
	stack "served" {}

	network "served" {
	  bridge = "st-served"
	  ipv4   = "10.107.0.1/24"
	  dns    = true
	}
END
strake apply --yes served.hcl
pid=$(systemctl show -p MainPID --value strake-dns-st-served)
kill -KILL "$pid"
until_ok sh -c "systemctl is-active strake-dns-st-served && [ \$(systemctl show -p MainPID --value strake-dns-st-served) != $pid ]"
strake plan --detailed-exitcode served.hcl || fail "what serves the network did not come back as it was"
echo 'stack "served" {}' >served.hcl
strake apply --yes served.hcl
[ -z "$(systemctl list-units --all --no-legend 'strake-dns-*')" ] || fail "a unit for a network that is gone"
