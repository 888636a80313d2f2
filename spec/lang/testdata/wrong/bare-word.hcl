network "n" {
  ipv4 = "10.5.0.1/24"
}

container "a" {
  nic "eth0" {
    network = network.n
    ipv4 = auto
  }
}
