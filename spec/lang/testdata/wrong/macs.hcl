network "n" {
  ipv4 = "10.5.0.1/24"
}

container "a" {
  nic "eth0" {
    network = network.n
    mac     = "01:00:00:00:00:01"
  }
  nic "eth1" {
    network = network.n
    mac     = "zz"
  }
  nic "eth2" {
    network = network.n
    mac     = "00:00:00:00:00:00"
  }
  nic "eth3" {
    network = network.n
    mac     = "02:00:00:00:00:00:00:01"
  }
  nic "eth4" {
    network = network.n
    mac     = "02:00:00:00:00:07"
  }
  nic "eth5" {
    network = network.n
    mac     = "02-00-00-00-00-07"
  }
}
