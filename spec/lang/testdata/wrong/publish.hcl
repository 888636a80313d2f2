network "n" {
  ipv4 = "10.5.0.1/24"
}

container "a" {
  nic "eth0" {
    network = network.n
    publish "443" {
      to = "x"
    }
    limits {
      ingress = 100
      egress  = "10Mbps"
    }
  }
}
