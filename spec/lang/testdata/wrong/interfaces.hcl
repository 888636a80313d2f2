network "n" {
  ipv4 = "10.5.0.1/24"
}

container "a" {
  nic "averylonginterface" {
    network = network.n
  }
  nic "lo" {
    network = network.n
  }
  nic "a/b" {
    network = network.n
  }
  nic "eth1" {
    mtu = 10
    type = "macvlan"
  }
}
