package rootfs

import (
	"fmt"
	"strings"

	"strake/reconcile/resource"
)

// hostnameFile is where systemd and most other inits take the name from that
// they give to the kernel at each boot, whatever it was before (hostname(5)).
const hostnameFile = "etc/hostname"

// SetHostnameFile makes the container's own file say the name, in its mounted
// root. Where there is no such file, or a link in its place, init leaves the
// kernel's name as it is, and nothing is written. Error: ErrNotMounted.
func (r *Roots) SetHostnameFile(container string, ids resource.IDMap, hostname string) error {
	in, err := r.enter(container, int(ids.Base))
	if err != nil {
		return fmt.Errorf("set host name of %s: %w", container, err)
	}
	defer in.close()
	have, err := in.read(hostnameFile)
	if err == nil && have.there && have.text != nil && strings.TrimSpace(string(have.text)) != hostname {
		err = in.write(hostnameFile, []byte(hostname+"\n"))
	}
	if err != nil {
		return fmt.Errorf("set host name of %s: %w", container, err)
	}
	return nil
}
