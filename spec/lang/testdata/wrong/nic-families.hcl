network "v6" {
  ipv6 = "fd42::1/80"
}
network "ll" {
  ipv6 = "link-local"
}
network "lan" {
  external = "br0"
}
container "a" {
  nic "eth0" {
    network = network.v6
    ipv4    = "auto"
    ipv6    = "auto"
  }
  nic "eth1" {
    network = network.ll
    ipv6    = "fd42::9"
  }
  nic "eth2" {
    network = network.lan
    ipv4    = "auto"
  }
  nic "eth3" {
    network = network.lan
    ipv4    = "192.168.1.7"
  }
  nic "eth4" {
    network = network.lan
    ipv4    = "192.168.1.7/24"
    ipv6    = "dhcp"
  }
}
