# A bridge that strake makes, and the addresses of containers on it.
network "lan" {
  bridge = "st-lan"
  ipv4   = "10.132.0.1/24"
  ipv6   = "fd42:132::1/64"
}

container "db" {
  nic "eth0" {
    network = network.lan
    ipv4    = "10.132.0.10"
  }
}

container "web" {
  depends_on = [container.db]

  nic "eth0" {
    network = network.lan # the lowest free address, chosen once and kept
  }
}
