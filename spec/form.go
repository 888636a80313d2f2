package spec

// Pieces of forms, as regular expressions (ECMA-262 and RE2 agree on them).
const (
	nameForm      = `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`
	interfaceForm = `[A-Za-z0-9_.][A-Za-z0-9_.-]{0,14}`
	ipv4Form      = `[0-9]{1,3}(\.[0-9]{1,3}){3}`
	ipv6Form      = `[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*`
	lengthForm    = `/[0-9]{1,3}`
	prefixForm    = `(` + ipv4Form + `|` + ipv6Form + `)` + lengthForm
	macForm       = `([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|([0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}|([0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}`
)

// Form is the regular expression of the text that a word takes; "" where it
// takes any. It says no more than how the text looks: what has the form may
// still mean nothing.
func Form(path, kind string) string {
	if form := wordForm(path); form != "" {
		return "^(" + form + ")$"
	}
	if form := kindForm(kind); form != "" {
		return "^(" + form + ")$"
	}
	return ""
}

func kindForm(kind string) string {
	switch kind {
	case "size":
		return `[0-9.]+\s*(B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)\s*`
	case "rate":
		return `[0-9.]+\s*(bit|kbit|Kbit|Mbit|Gbit)\s*`
	case "duration":
		return `[+-]?(0|([0-9.]+(ns|us|µs|μs|ms|s|m|h))+)`
	case "path":
		return `/.*`
	}
	return ""
}

func wordForm(path string) string {
	switch path {
	case "container.name":
		return nameForm
	case "container.hostname":
		return `[A-Za-z0-9.-]{1,63}`
	case "container.nic.mac":
		return "auto|" + macForm
	case "container.nic.ipv4":
		return "auto|dhcp|none|" + ipv4Form + "(" + lengthForm + ")?"
	case "container.nic.ipv6":
		return "auto|dhcp|none|" + ipv6Form + "(" + lengthForm + ")?"
	case "container.nic.gateway4":
		return "none|" + ipv4Form
	case "container.nic.gateway6":
		return "none|" + ipv6Form
	case "container.nic.route.via":
		return ipv4Form + "|" + ipv6Form
	case "network.ipv4":
		return "none|" + ipv4Form + lengthForm
	case "network.ipv6":
		return "none|link-local|" + ipv6Form + lengthForm
	case "network.bridge", "network.external", "network.nat.interface", "container.nic.parent":
		return interfaceForm
	case "container.file.mode", "container.system.file.mode":
		return `[0-7]{3,4}`
	case "container.file.on_change":
		return `none|restart|(reload|restart):.+`
	case "image.sha256":
		return `[0-9a-f]{64}`
	case "image.source":
		return `(builtin|debootstrap|dir|tar|oci|simplestreams|images|adopted):.+`
	}
	return ""
}

// labelForm is the regular expression of a block's label; "" where the words
// that refer to it say what it may be.
func labelForm(path string) string {
	switch path {
	case "container.nic":
		return "^(" + interfaceForm + ")$"
	case "container.nic.route":
		return "^(" + prefixForm + ")$"
	case "container.nic.publish", "container.publish":
		return `^[1-9][0-9]{0,4}$`
	case "container.mount", "container.secret_file", "container.file", "container.system.file":
		return "^/"
	case "container.health.check":
		return `^(http|tcp|exec|units|address|file)(/` + nameForm + `)?$`
	}
	return ""
}
