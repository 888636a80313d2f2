# What the example names and leaves out.
container "db" {
}

container "app" {
}

container "old1" {
  running  = false
  hostname = "old1"
  image    = "adopted:dir:/var/lib/lxc/old1/rootfs"
}
