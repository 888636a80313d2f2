package porter

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// account is who the process goes on as, by the name of a user that the system
// may have made for it, or of one that every system has. It reads what
// strangers write, so it has to be nobody.
func account() (uid, gid int, err error) {
	for _, name := range []string{"strake-egress", "nobody"} {
		u, missing := user.Lookup(name)
		if missing != nil {
			continue
		}
		uid, err = strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		return uid, gid, errors.Join(err, err2)
	}
	return 65534, 65534, nil
}

// mostFiles is how many connections all containers may have at a time: two
// descriptors each.
const mostFiles = 1 << 20

// becomeNobody gives up all power, for good: with the user the capabilities go
// (capabilities(7)).
func becomeNobody() error {
	uid, gid, err := account()
	if err != nil {
		return err
	}
	raiseFiles()
	err = errors.Join(syscall.Setgroups([]int{gid}), syscall.Setgid(gid), syscall.Setuid(uid))
	if err != nil {
		return fmt.Errorf("give up the power of root: %w", err)
	}
	// Others of that user must not be able to look into it.
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// raiseFiles does as much as the host lets it.
func raiseFiles() {
	for n := uint64(mostFiles); n >= 1024; n /= 2 {
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n}) == nil {
			return
		}
	}
}
