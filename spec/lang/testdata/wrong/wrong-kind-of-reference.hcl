network "n" {
  ipv4 = "10.5.0.1/24"
}

container "a" {
  image = network.n
  depends_on = [network.n]
  profiles = network.n
  nic "eth0" {
    network = "n"
  }
}
