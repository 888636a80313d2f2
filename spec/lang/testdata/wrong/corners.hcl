network "multi" {
  ipv6 = "ff02::1/64"
}

network "small" {
  ipv6 = "fd42::1/64"
  mtu  = 1000
}

network "ok" {
  ipv4 = "10.1.0.1/24"
}

container "a" {
  raw = { "lxc.cap.drop" = [] }

  nic "eth0" {
    network = network.ok
    ipv4    = "10.1.0.5/0"
  }

  nic "eth1" {
    network = network.ok

    limits {
      ingress = "0.1bit"
    }
  }

  file "/etc/x" {
    content = "1"
  }

  file "/etc//x" {
    content = "2"
  }
}

egress "e" {
  allow = ["a", null]
  ports = "80"
}

egress "f" {
  ports = [80, null]
}

container "b" {
  depends_on = [null]
}
