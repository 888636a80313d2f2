# Two networks that most hosts want: one that only the host is on, and one that
# leads to the internet. A container may be on either, or on both.

network "hostonly" {
  ipv4 = "10.101.0.1/16"
  ipv6 = "fd42:101::1/64"
}

network "internet" {
  ipv4 = "10.202.0.1/16"
  ipv6 = "fd42:202::1/64"
  nat  = true
}

# The database is reached from the host and from other containers of its
# network, and reaches nobody else.
container "db" {
  nic "eth0" {
    network = network.hostonly
  }
}

# The site is open to the world on one port, and fetches its updates.
container "site" {
  depends_on = [container.db]

  nic "eth0" {
    network = network.hostonly
  }

  nic "eth1" {
    network = network.internet

    publish "8080" {
      to = 80
    }

    limits {
      egress = "100Mbit"
    }
  }
}
