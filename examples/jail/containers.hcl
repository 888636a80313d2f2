# A blog without any way out: its bridge has link-local addresses alone, which
# no router forwards (RFC 4291, 2.5.6). No IPv4, no router advertisements, no
# names. The host reaches it, and its reverse proxy serves it to the world.

network "jail" {
  bridge  = "jail0"
  ipv6    = "link-local"
  isolate = true
}

container "blog" {
  nic "eth0" {
    network = network.jail
  }

  limits {
    memory    = "256MiB"
    processes = 200
  }
}
