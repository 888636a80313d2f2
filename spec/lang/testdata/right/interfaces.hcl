# Interfaces of every type.
network "web" {
  ipv4 = "10.77.0.1/24"
  ipv6 = "fd42:77::1/64"
}

profile "router" {
  nic "eth0" {
    network  = network.web
    gateway4 = "10.77.0.2"

    publish "443" {
      to = 8443
    }
  }

  nic "spare" {
    type   = "physical"
    parent = "enp3s0"
  }
}

container "many" {
  profiles = [profile.router]
  unset    = ["nic.spare"]

  nic "eth0" {
    type      = "bridged"
    ipv4      = "10.77.0.7"
    addresses = ["10.77.0.8", "fd42:77::8"]
    prefixes  = ["192.0.2.0/28", "2001:db8:7::/64"]
    gateway6  = "none"
    vlan      = 12

    route "198.51.100.0/24" {
      via = "10.77.0.9"
    }

    limits {
      ingress = "100Mbit"
      egress  = "1.5Mbit"
    }

    publish "443" {
      protocol = "both"
    }

    publish "2222" {
      to = "22"
    }
  }

  nic "eth1" {
    type   = "routed"
    parent = "eth0"
    ipv4   = "192.0.2.40"
    ipv6   = "2001:db8::40"
  }

  nic "eth2" {
    type     = "macvlan"
    parent   = "eth0"
    ipv4     = "dhcp"
    ipv6     = "2001:db8:1::5/64"
    gateway6 = "2001:db8:1::1"
  }

  nic "eth3" {
    type   = "physical"
    parent = "enp2s0"
    ipv4   = "192.0.2.70/27"
  }
}

container "hermit" {
  nic "eth0" {
    type = "none"
    ipv4 = "none"
  }
}
