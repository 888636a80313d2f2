# An LXC container that somebody else made is taken over as it runs. Its text is what
# `strake import old1` prints.
import {
  from = "old1"
  to   = container.old1
}

container "old1" {
  running  = false
  hostname = "old1"
  image    = "adopted:dir:/var/lib/lxc/old1/rootfs"
}
