network "n" {
  ipv4 = "10.5.0.1/24"
}

container "a" {
  nic "eth0" {
    network = network.n
    publish "80" {
      to = 70000
    }
    publish "81" {
      protocol = "sctp"
    }
    publish "http" {
    }
    publish "53" {
      protocol = "both"
    }
  }
  nic "eth1" {
    network = network.n
    ipv4    = "none"
    ipv6    = "none"
    publish "82" {
    }
  }
}

container "b" {
  nic "eth0" {
    network = network.n
    publish "53" {
      protocol = "udp"
    }
    publish "8080" {
    }
  }
}

container "c" {
  publish "53" {
  }
  publish "http" {
  }
  publish "81" {
    protocol = "udp"
  }
  nic "eth0" {
    network = network.n
    publish "8080" {
      to = 80
    }
  }
}

network "link" {
  ipv6 = "link-local"
}

container "d" {
  nic "eth0" {
    network = network.link
    publish "90" {
    }
  }
}
