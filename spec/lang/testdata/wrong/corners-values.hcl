network "multi" {
  ipv6 = "ff02::1/64"
}

network "small" {
  ipv6 = "fd42::1/64"
  mtu  = 1000
}

container "a" {
  raw = { "lxc.cap.drop" = [] }

  file "/etc/x" {
    content = "1"
  }

  file "/etc//x" {
    content = "2"
  }

  nic "eth0" {
    type   = "routed"
    ipv4   = "10.1.0.5/0"
    parent = "eth9"
  }
}

volume "root" {
  path = "/"
}
