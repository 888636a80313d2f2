network "n" {
  ipv4 = "10.5.0.1/24"
}

container "a" {
  nic "eth0" {
    network = network.n
    ipv4 = "10.6.0.2"
  }
  nic "eth1" {
    network = network.n
    ipv4 = "10.5.0.1"
  }
  nic "eth2" {
    network = network.n
    ipv4 = "10.5.0.0"
  }
  nic "eth3" {
    network = network.n
    ipv4 = "10.5.0.255"
  }
  nic "eth4" {
    network = network.n
    ipv4 = "10.5.0.9/16"
  }
  nic "eth5" {
    network = network.n
    ipv4 = "dhcp"
  }
  nic "eth6" {
    network = network.n
    ipv4 = "banana"
  }
  nic "eth7" {
    network = network.n
    ipv4 = "fd42::5"
  }
  nic "eth8" {
    network = network.n
    ipv4 = "224.0.0.1"
  }
  nic "eth9" {
    network = network.n
    ipv6 = "auto"
  }
  nic "eth10" {
    network = network.n
    ipv6 = "fd42::5"
  }
  nic "eth11" {
    network = network.n
    ipv4 = ""
  }
}
