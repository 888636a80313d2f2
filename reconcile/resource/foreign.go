package resource

// Line is one setting of an LXC configuration, in LXC's own words.
type Line struct{ Key, Value string }

// Foreign is a container that strake did not make, as liblxc would read it.
type Foreign struct {
	Text  string // the file as it is
	Lines []Line // what it comes to with all that it includes, in order
	Claim *Claim // whose it is; nil: nobody's that is known
}

// Claim says who manages a container.
type Claim struct {
	Owner string // "Proxmox VE"
	Sign  string // by which that is known
}
