network "n" {
  ipv4 = "10.5.0.1/24"
}

container "a" {
  nic "none" {
    type    = "none"
    network = network.n
  }
  nic "routed" {
    type = "routed"
  }
  nic "routed2" {
    type     = "routed"
    network  = network.n
    ipv4     = "auto"
    ipv6     = "192.0.2.4"
    gateway4 = "192.0.2.1"
  }
  nic "mac" {
    type = "macvlan"
    ipv4 = "auto"
    vlan = 5000
  }
  nic "phys" {
    type   = "physical"
    parent = "a/b"
    vlan   = 3
    ipv4   = "192.0.2.4"
    publish "80" {
    }
  }
  nic "bridged" {
    network   = network.n
    parent    = "eth0"
    addresses = ["10.6.0.4", "fd42::4"]
    prefixes  = ["10.9.0.1/24", "10.9.0.0/24", "10.9.0.0/16", "2001:db8::/32"]
    gateway4  = "10.6.0.1"
    gateway6  = "10.5.0.2"
    route "default" {
      via = "10.5.0.2"
    }
    route "10.8.0.0/24" {
      via = "fd42::1"
    }
    limits {
      ingress = "1kbit"
    }
  }
  nic "odd" {
    type = "ipvlan"
  }
}
