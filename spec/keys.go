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
		{`nic["*"].type`, "string", `"bridged"`, Live, true, "Only \"bridged\" so far: a veth pair with its host end on the network's bridge."},
		{`nic["*"].bridge`, "string", "the network's", Live, false, "Bridge that the host end is a port of."},
		{`nic["*"].device`, "string", "chosen", Live, false, "Name of the host end."},
		{`nic["*"].mac`, "string", `"auto"`, Live, false, "MAC address; \"auto\" chooses one once and keeps it."},
		{`nic["*"].ipv4`, "string", `"auto"`, Live, false, "\"auto\" (lowest free address of the network, kept), an address, or \"none\"."},
		{`nic["*"].ipv6`, "string", `"auto"`, Live, false, "\"auto\" (made from the MAC), an address, or \"none\"."},
		{`nic["*"].gateway4`, "string", "the network's", Live, false, "Default route."},
		{`nic["*"].gateway6`, "string", "the network's", Live, false, "Default route."},
		{`nic["*"].mtu`, "number", "the network's", Live, false, "Largest packet, in bytes."},
		{`nic["*"].filter.mac`, "bool", "true on managed networks", Live, false, "Drop frames with a MAC that is not the NIC's own."},
		{`nic["*"].filter.ipv4`, "bool", "true on managed networks", Live, false, "Drop IPv4 and ARP with an address that is not the NIC's own. Implies the MAC filter."},
		{`nic["*"].filter.ipv6`, "bool", "true on managed networks", Live, false, "Drop IPv6 and neighbour discovery with an address that is not the NIC's own. Implies the MAC filter."},
		{`environment["*"]`, "map(string)", "{}", Live, false, "Environment of init, logins, commands and services. Of an adopted container: of init, at its next start."},
		{"limits.memory", "size", "no limit", Live, false, `Memory, "512MiB" or "1GB".`},
		{"limits.cpus", "number", "no limit", Live, false, "CPU time in cores, 1.5 is one and a half."},
		{"limits.processes", "number", "no limit", Live, false, "Number of processes and threads."},
		{`mount["*"]`, "block", "", Restart, false, "A host folder or file inside the container; the label is where."},
		{`mount["*"].source`, "path", "required", Restart, false, "Absolute path on the host."},
		{`mount["*"].readonly`, "bool", "false", Restart, false, "Mount read-only."},
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

// Pattern is path with its label replaced by "*": the Path of its Key.
func Pattern(path string) string {
	open := strings.Index(path, `["`)
	end := strings.LastIndex(path, `"]`)
	if open < 0 || end < open {
		return path
	}
	return path[:open] + `["*"]` + path[end+2:]
}
