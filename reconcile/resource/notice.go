package resource

// Notice says that something has changed, by whatever hand. One of its fields is
// set; none where the kernel could not keep count: it may be anything.
type Notice struct {
	Container string // by its name
	Device    string // an interface of the host, by its name
	Firewall  bool   // strake's own tables
}

// Process is the init of a container that is up.
type Process struct {
	Container string
	PID       int
}
