package lxc

import "os"

// Command is what Run executes inside a container.
type Command struct {
	Args []string          // required; the first is looked up in Env's PATH
	Env  map[string]string // all of the environment; container=lxc is added
	Dir  string            // "": /
	User *User             // nil: root

	// TTY gives the command a terminal of the container, which is connected to
	// Stdin and Stdout. If Stdin is a terminal, it is in raw mode meanwhile and
	// its size is passed on.
	TTY                   bool
	Stdin, Stdout, Stderr *os.File // nil: /dev/null; Stderr is not used with TTY
}

// User is who a command runs as, in the container's ids.
type User struct {
	UID, GID uint32
}
