package spec

import "strings"

// Impact is what applying a changed setting does to a running container.
type Impact int

// The impacts, from least to most.
const (
	None     Impact = iota // only the record changes
	Live                   // changed in the running container
	Restart                // stop and start
	Stop                   // stopped and left so
	Recreate               // a new, empty writable layer
)

// String is the word that plans print.
func (i Impact) String() string {
	return [...]string{"none", "live", "restart", "stop", "recreate"}[i]
}

// MarshalText makes the word the JSON form.
func (i Impact) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (i *Impact) UnmarshalText(text []byte) error {
	for _, k := range []Impact{None, Live, Restart, Stop, Recreate} {
		if k.String() == string(text) {
			*i = k
			return nil
		}
	}
	return &UnknownImpactError{string(text)}
}

// UnknownImpactError says that a saved plan or record names an impact that
// this version does not know.
type UnknownImpactError struct{ Word string }

func (e *UnknownImpactError) Error() string { return "unknown impact " + e.Word }

// Key describes one setting of a container: the single place where its type,
// default, impact and documentation are kept.
type Key struct {
	Path    string // as plans print it; "*" stands for a label: `nic["*"].ipv4`
	Type    string
	Default string
	Impact  Impact
	Record  bool // nothing outside strake's own record can show it, so it is compared with that
	Doc     string
}

// Keys is the table of all container settings.
func Keys() []Key {
	return []Key{
		{"running", "bool", "true", Live, false, "Whether apply starts the container. A container stopped by `strake stop` stays stopped until `strake start`."},
		{"hostname", "string", "the container's name", Live, false, "Host name inside. At most 63 bytes."},
		{"image.source", "image or string", `"builtin:busybox"`, Recreate, true, "Where the root filesystem comes from. Another source gets a new, empty writable layer; the old one is kept with its generation. \"adopted:...\" is the root filesystem of a container that was taken over: strake does not manage it."},
		{"image.include", "list(string)", "[]", Restart, true, "Extra packages of a debootstrap image."},
		{"image.digest", "string", "resolved", Restart, false, "Digest of the image's content. Newer content under the same source keeps the writable layer."},
		{"layers", "list(string)", "computed", Restart, false, "System layers, newest first: what the system block comes to on this image. Computed by strake, never written by people."},
		{"writable", "list(number)", "chosen", Restart, false, "Writable layers, newest first. Chosen by strake, never written by people."},
		{"autostart", "bool or block", "false", Live, true, "Whether lxc-autostart starts the container at boot."},
		{"autostart.order", "number", "0", Live, true, "Containers with a lower order start earlier."},
		{"autostart.delay", "duration", `"0s"`, Live, true, "Pause after starting this one."},
		{"autostart.group", "string", `""`, Live, true, "lxc-autostart group. A grouped container is started only with `lxc-autostart -g`."},
		{"idmap.privileged", "bool", "false", Restart, false, "Run with the host's own ids. The exception: root inside is root outside."},
		{"idmap.base", "number", "chosen", Restart, false, "First host id. Chosen once per container, shared with no other."},
		{"idmap.size", "number", "65536", Restart, false, "How many ids the container has."},
		{`nic["*"]`, "block", "", Live, false, "A network interface inside the container; the label is its name there."},
		{`nic["*"].network`, "network", "required", Live, true, "The network it is on."},
		{`nic["*"].type`, "string", `"bridged"`, Live, false, `"bridged": on the network's bridge. "routed": by host routes. "macvlan": a second address of parent. "physical": parent itself. "none": not made.`},
		{`nic["*"].bridge`, "string", "the network's", Live, false, "Bridge that the host end is a port of."},
		{`nic["*"].device`, "string", "chosen", Live, false, "Name of the host end."},
		{`nic["*"].mac`, "string", `"auto"`, Live, false, "MAC address; \"auto\" chooses one once and keeps it."},
		{`nic["*"].ipv4`, "string", `"auto"`, Live, false, "\"auto\" (lowest free address of the network, kept), an address, \"dhcp\" (of others: a client in the image asks for it) or \"none\"."},
		{`nic["*"].ipv6`, "string", `"auto"`, Live, false, "\"auto\" (made from the MAC), an address, \"dhcp\" (of others, or of a router's advertisements) or \"none\"."},
		{`nic["*"].gateway4`, "string", "the network's", Live, false, "Default route: the address of a router, or \"none\"."},
		{`nic["*"].gateway6`, "string", "the network's", Live, false, "Default route: the address of a router, or \"none\"."},
		{`nic["*"].mtu`, "number", "the network's", Live, false, "Largest packet, in bytes."},
		{`nic["*"].filter.mac`, "bool", "true on managed networks", Live, false, "Drop frames with a MAC that is not the NIC's own."},
		{`nic["*"].filter.ipv4`, "bool", "true on managed networks", Live, false, "Drop IPv4 and ARP with an address that is not the NIC's own. Implies the MAC filter."},
		{`nic["*"].filter.ipv6`, "bool", "true on managed networks", Live, false, "Drop IPv6 and neighbour discovery with an address that is not the NIC's own. Implies the MAC filter."},
		{`nic["*"].parent`, "string", "none", Live, false, "Interface of the host behind a routed, macvlan or physical one."},
		{`nic["*"].vlan`, "number", "the bridge's", Live, false, "VLAN of the bridge that a bridged interface is in, 1 to 4094. The container sees no tags."},
		{`nic["*"].oddities`, "string", "none", Live, false, "What somebody has changed of it that has no word here, such as flags of the bridge's port. Never written by people."},
		{`nic["*"].addresses`, "list(string)", "[]", Live, false, "Further addresses of both families."},
		{`nic["*"].prefixes`, "list(string)", "[]", Live, false, "Whole prefixes that are the container's too: routed to it, and let through by the filter."},
		{`nic["*"].route["*"].via`, "string", "required", Live, false, "Router for a prefix; the block's label is the prefix."},
		{`nic["*"].limits.ingress`, "rate", "no limit", Live, false, `What comes to the container, "100Mbit".`},
		{`nic["*"].limits.egress`, "rate", "no limit", Live, false, `What the container sends, "50Mbit".`},
		{`nic["*"].publish["*"].to`, "number", "the host's port", Live, false, "Port in the container that a port of the host leads to; the block's label is the host's."},
		{`nic["*"].publish["*"].protocol`, "string", `"tcp"`, Live, false, "tcp, udp or both."},
		{"resolver.servers", "list(string)", "those of its networks", Live, false, "Whom /etc/resolv.conf asks for names: the networks that serve them. Chosen by strake, never written by people."},
		{"resolver.search", "list(string)", "the networks' names", Live, false, "Domains in which it looks for short names. Chosen by strake, never written by people."},
		{`environment["*"]`, "map(string)", "{}", Live, false, "Environment of init, logins, commands and services. A secret or sensitive value reaches all of them but init. Of an adopted container: of init, at its next start."},
		{`secret_file["*"]`, "block", "", Live, false, "A file in memory that shows a secret; the label is its path inside."},
		{`secret_file["*"].from`, "secret or sensitive text", "required", Live, true, "Which secret it shows."},
		{`secret_file["*"].content`, "text", "the secret's", Live, false, "What it holds. Plans and records know a keyed digest of it, and show that it is there."},
		{`secret_file["*"].mode`, "string", `"0400"`, Live, false, "Its permissions, in octal."},
		{`secret_file["*"].owner`, "number", "0", Live, false, "User that it belongs to, by the container's ids."},
		{`secret_file["*"].group`, "number", "0", Live, false, "Group that it belongs to, by the container's ids."},
		{"limits.memory", "size", "no limit", Live, false, `Memory, "512MiB" or "1GB".`},
		{"limits.cpus", "number", "no limit", Live, false, "CPU time in cores, 1.5 is one and a half."},
		{"limits.processes", "number", "no limit", Live, false, "Number of processes and threads."},
		{`mount["*"]`, "block", "", Restart, false, "A host folder or file inside the container; the label is where."},
		{`mount["*"].source`, "path", "required", Restart, false, "Absolute path on the host."},
		{`mount["*"].readonly`, "bool", "false", Restart, false, "Mount read-only."},
		{`mount["*"].volume`, "volume", "none", Restart, true, "A volume in place of a source: its files have the container's ids."},
		{`mount["*"].size`, "size", "none: a folder", Restart, true, "Size of the volume's file system image. It grows while it is in use, and gets no smaller."},
		{`file["*"]`, "block", "", Live, false, "A file in the container; the label is its path. Its folders are made where they are missing."},
		{`file["*"].content`, "string", "required", Live, false, "What it holds. Without the block the image's own is there again, or none."},
		{`file["*"].mode`, "string", `"0644"`, Live, false, "Its mode, in octal."},
		{`file["*"].owner`, "string", `"root:root"`, Live, false, "Its owner inside, \"USER\" (with the user's own group) or \"USER:GROUP\"; by the container's accounts."},
		{`file["*"].on_change`, "string", `"none"`, None, true, "What is done when it changed: none, reload:UNIT, restart:UNIT (of systemd), or restart of the container."},
		{"system.packages", "list(string)", "[]", Restart, true, "Packages in the system layer."},
		{"system.run", "list(string)", "[]", Restart, true, "Shell commands that are run when the layer is built, in order."},
		{`system.service["*"].enabled`, "bool", "required", Restart, true, "Whether init starts the service."},
		{`system.user["*"].uid`, "number", "chosen", Restart, true, "Id of an account inside the container; the block's label is its name."},
		{`system.user["*"].home`, "path", "/home/NAME", Restart, true, "Its home folder."},
		{`system.user["*"].shell`, "path", "/bin/sh", Restart, true, "Its login shell."},
		{`system.user["*"].groups`, "list(string)", "[]", Restart, true, "Further groups that it is in."},
		{`system.file["*"].content`, "string", "required", Restart, true, "Text of a file in the system layer; the block's label is its path."},
		{`system.file["*"].mode`, "string", `"0644"`, Restart, true, "Its mode, in octal."},
		{`system.file["*"].owner`, "string", `"root:root"`, Restart, true, "Its owner inside."},
		{"build.network", "network", "none", None, true, "Network that a system layer is built on."},
		{`build.egress["*"]`, "egress", "none", None, true, "Sites that a system layer may be built from."},
		{"build.timeout", "duration", `"30m"`, None, true, "When a build is given up."},
		{"rootfs.ephemeral", "bool", "false", Restart, true, "The writable layer starts empty at every start."},
		{"rootfs.size", "size", "no limit", Restart, true, "How much the writable layers may hold. It grows while the container runs, and gets no smaller."},
		{`egress["*"]`, "egress", "none", Live, false, "Sites that it may reach, and nothing else. Several add up."},
		{`egress["*"].allow`, "list(string)", "[]", Live, false, "Hosts, domains (\"*.debian.org\") and addresses that may be reached."},
		{`egress["*"].deny`, "list(string)", "[]", Live, false, "Those that may not, whatever allow says."},
		{`egress["*"].ports`, "list(number)", "[80, 443]", Live, false, "Ports that may be reached."},
		{`egress["*"].mode`, "string", `"enforce"`, Live, false, "enforce, or report: all passes and is noted."},
		{`egress["*"].upstream`, "string", "none", Live, false, "Proxy that the proxy goes through."},
		{`egress["*"].upstream_user`, "string", "none", Live, false, "Who the proxy is to upstream."},
		{`egress["*"].upstream_password`, "secret or sensitive text", "none", Live, false, "Its password there. Plans and records know a keyed digest of it."},
		{"egress.at", "list(string)", "chosen", Live, false, "Where the proxy listens for it, in the ways that its egress blocks say. Chosen by strake, never written by people."},
		{`egress["*"].limits.connections`, "number", "no limit", Live, false, "Connections at a time."},
		{`egress["*"].limits.rate`, "rate", "no limit", Live, false, "Bits per second."},
		{`egress["*"].limits.daily`, "size", "no limit", Live, false, "Bytes a day."},
		{`egress["*"].limits.idle`, "duration", "no limit", Live, false, "How long a connection may be silent."},
		{`publish["*"].to`, "number", "the host's port", Live, false, "Port of the container's loopback interface that a port of the host leads to; the block's label is the host's."},
		{"health.start_period", "duration", `"0s"`, None, true, "Failures in it don't count."},
		{"health.interval", "duration", `"2s"`, None, true, "Time between two tries."},
		{"health.timeout", "duration", `"5s"`, None, true, "Time that one try may take."},
		{"health.failures", "number", "3", None, true, "How many in a row mean unhealthy."},
		{"health.min_healthy", "duration", `"10s"`, None, true, "How long all checks have to hold."},
		{"health.deadline", "duration", `"2m"`, None, true, "When a change is given up."},
		{`health.check["*"].url`, "string", "required", None, true, "http: page to get; without a host the container's own."},
		{`health.check["*"].status`, "number", "200 to 399", None, true, "http: the status that it has to have."},
		{`health.check["*"].address`, "string", "required", None, true, "tcp: HOST:PORT to connect to; without a host the container's own."},
		{`health.check["*"].command`, "list(string)", "required", None, true, "exec: command in the container that has to end with 0."},
		{`health.check["*"].names`, "list(string)", "required", None, true, "units: systemd units that have to be active."},
		{`health.check["*"].nic`, "string", "required", None, true, "address: interface that has to have its addresses."},
		{`health.check["*"].path`, "path", "required", None, true, "file: path in the container that has to be there."},
		{`health.check["*"].interval`, "duration", "the block's", None, true, "Time between two tries."},
		{`health.check["*"].timeout`, "duration", "the block's", None, true, "Time that one try may take."},
		{`health.check["*"].failures`, "number", "the block's", None, true, "How many in a row mean unhealthy."},
		{"update.auto_rollback", "bool", "true", None, true, "Whether a change that fails is taken back."},
		{"update.max_parallel", "number", "no bound of its own", None, true, "How many of a for_each group are changed at a time."},
		{"update.canary", "number", "0", None, true, "How many of a group go first and have to be healthy."},
		{"depends_on", "list(container)", "[]", None, true, "Containers that start before this one and stop after it."},
		{`raw["*"]`, "map(string or list(string))", "{}", Restart, false, "LXC keys that strake has no word for; a list for keys that LXC keeps in one, in order."},
		{"lifecycle.protect", "bool", "false", None, true, "Refuse to retire, recreate or destroy. Removing the block does not lift it."},
		{"lifecycle.drift", "string", `"report"`, None, true, "What the agent does about drift: report, heal, strict."},
		{"lifecycle.ignore_changes", "list(string)", "[]", None, true, "Settings whose live value is left alone."},
		{`config["*"]`, "text", "rendered", Live, false, "A line of the LXC configuration on disk."},
	}
}

// ImpactOf is the impact of a setting. In the root filesystem of an adopted
// container strake writes nothing: its environment comes with a start.
func (k Key) ImpactOf(adopted bool) Impact {
	if adopted && strings.HasPrefix(k.Path, "environment[") {
		return Restart
	}
	return k.Impact
}

// NetworkKeys is the table of all settings of a managed network, by the name
// that plans print. Each of them is changed live.
func NetworkKeys() []Key {
	return []Key{
		{"bridge", "string", `"st-" and the label`, Live, false, "Name of the bridge, at most 15 bytes."},
		{"mac", "string", "chosen", Live, false, "MAC address of the bridge."},
		{"ipv4", "string", "none", Live, false, "The host's own address on it with the prefix length."},
		{"ipv6", "string", "none", Live, false, "Likewise, or \"link-local\"."},
		{"mtu", "number", "1500", Live, false, "Largest packet, in bytes."},
		{"nat", "bool or block", "false", Live, false, "Containers reach the world through the host's address."},
		{"nat.interface", "string", "any", Live, false, "The only interface of the host that they reach it by."},
		{"dhcp", "bool", "false", Live, false, "The addresses that the interfaces have are given by DHCP too."},
		{"dns", "bool or block", "false", Live, false, "The bridge's address answers for the names of containers."},
		{"dns.upstream", "list(string)", "[]", Live, false, "Name servers for all other names."},
		{"ra", "bool", "false", Live, false, "Router advertisements: containers make addresses of the prefix themselves."},
		{"host.settings", "list(string)", "none", Live, false, "Settings of the whole host that it needs: made with it, and put back with the last that needs them. Never written by people."},
		{"oddities", "string", "none", Live, false, "What somebody has changed of the bridge that has no word here, such as STP. Never written by people."},
		{"isolate", "bool", "false", Live, false, "Containers on it can't talk to each other."},
		{"host_access", "bool", "false", Live, false, "Containers may use what listens on the host."},
	}
}

// Pattern is path with its labels replaced by "*": the Path of its Key. A
// label ends where the path does, or goes on.
func Pattern(path string) string {
	if !strings.Contains(path, `["`) {
		return path
	}
	var b strings.Builder
	b.Grow(len(path))
	for {
		head, rest, ok := strings.Cut(path, `["`)
		b.WriteString(head)
		end := closing(rest)
		if !ok || end < 0 {
			if ok {
				b.WriteString(`["` + rest)
			}
			return b.String()
		}
		b.WriteString(`["*"]`)
		path = rest[end+2:]
	}
}

// closing finds the end of a label.
func closing(rest string) int {
	for at := 0; ; {
		i := strings.Index(rest[at:], `"]`)
		if i < 0 {
			return -1
		}
		if at += i; at+2 == len(rest) || rest[at+2] == '.' {
			return at
		}
		at += 2
	}
}
