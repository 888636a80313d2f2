# The only sites that a container may reach.
network "jail" {
  bridge = "st-jail"
  ipv4   = "10.133.0.1/24"
}

egress "updates" {
  allow = ["deb.debian.org", "*.debian.org"]
  ports = [80, 443]
}

container "app" {
  egress = egress.updates

  nic "eth0" {
    network = network.jail
  }
}
