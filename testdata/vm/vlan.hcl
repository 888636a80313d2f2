# What is tried of VLANs: two containers in one, one in another bridge's, and
# one that is in none.
stack "vlan" {}

network "tagged" {
  bridge      = "st-tagged"
  ipv4        = "10.104.0.1/24"
  host_access = true
}

network "outside" {
  external = "br0"
}

container "in-a" {
  nic "eth0" {
    network = network.tagged
    ipv4    = "10.104.0.2"
    vlan    = 7
  }
}

container "in-b" {
  nic "eth0" {
    network = network.tagged
    ipv4    = "10.104.0.3"
    vlan    = 7
  }
}

container "in-none" {
  nic "eth0" {
    network = network.tagged
    ipv4    = "10.104.0.4"
  }
  nic "eth1" {
    network = network.outside
    ipv4    = "10.105.0.4/24"
    vlan    = 9
  }
}
