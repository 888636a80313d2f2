package porter

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"strake/reconcile/host/egress"
)

// doors says which sockets of the process really listen.
type doors struct {
	inner, front bool
	inlets       map[int]bool // by port of the host
}

// listening asks the kernel. A socket that an earlier init's namespace holds,
// or that is bound to a bridge that was made anew since, listens for nobody.
func listening(init int, have reply) (doors, error) {
	var d doors
	var err error
	if have.Inner != 0 && have.Outlet.Init == init {
		d.inner, err = listens(fmt.Sprintf("/proc/%d/net/tcp", init), have.Inner)
	}
	if f := have.Outlet.Front; f != nil && have.Front != 0 && err == nil {
		if link, missing := net.InterfaceByName(f.Bridge); missing == nil && link.Index == have.Index {
			file := "/proc/self/net/tcp"
			if strings.Contains(f.Address, ":") {
				file += "6"
			}
			d.front, err = listens(file, have.Front)
		}
	}
	if len(have.Inlets) > 0 && have.Outlet.Init == init && err == nil {
		d.inlets, err = listeningInlets(have.Inlets)
	}
	return d, err
}

// listeningInlets are those that listen on the host, by whichever family: one
// socket is both where the host has IPv6.
func listeningInlets(have map[int]uint64) (map[int]bool, error) {
	all := map[int]bool{}
	for port, number := range have {
		for _, table := range []string{"/proc/self/net/tcp6", "/proc/self/net/tcp"} {
			here, err := listens(table, number)
			if err != nil {
				return nil, err
			}
			all[port] = all[port] || here
		}
	}
	return all, nil
}

// listens looks for a socket in one of the kernel's tables (proc_net_tcp(5)):
// the fourth word is the state, 0A for LISTEN, the tenth its inode.
func listens(table string, inode uint64) (bool, error) {
	f, err := os.Open(table)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // the init has ended
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	want := strconv.FormatUint(inode, 10)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 9 && words[3] == "0A" && words[9] == want {
			return true, nil
		}
	}
	return false, nil
}

// inode is the number by which the kernel's tables know a socket.
func inode(l *egress.Listener) uint64 {
	raw, err := l.SyscallConn()
	if err != nil {
		return 0
	}
	var st unix.Stat_t
	if err := raw.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &st) }); err != nil {
		return 0
	}
	return st.Ino
}
