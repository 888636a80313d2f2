network "n" {
  ipv4 = "10.5.0.1/24"
}

container "a" {
  autostart = true
  autostart {
  }
  limits {
  }
  limits {
  }
  nic "eth0" {
    network = network.n
  }
  nic "eth0" {
    network = network.n
  }
}
