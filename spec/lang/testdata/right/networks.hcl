# The networks of a host with a jail, a way out, and a bridge of its own.
network "jail" {
  bridge  = "jail0"
  ipv4    = "none"
  ipv6    = "link-local"
  nat     = false
  dhcp    = false
  dns     = false
  isolate = true
}

network "internet" {
  ipv4 = "10.202.0.1/16"
  ipv6 = "fd42:202::1/64"
  dhcp = true
  ra   = true
  mtu  = 1400

  nat {
    interface = "eth0"
  }

  dns {
    upstream = ["9.9.9.9", "2620:fe::fe"]
  }
}

network "office" {
  external = "br0"
}
