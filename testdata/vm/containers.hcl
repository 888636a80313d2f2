# What is tried on a stock host: a container without and one with systemd.
stack "vm" {}

network "lan" {
  bridge      = "st-vm"
  ipv4        = "10.103.0.1/24"
  host_access = true
}

container "small" {
  autostart = true
  image     = "builtin:busybox"

  limits {
    memory    = "64MiB"
    cpus      = 0.5
    processes = 100
  }

  nic "eth0" {
    network = network.lan
    ipv4    = "10.103.0.2"
  }
}

container "debian" {
  autostart   = true
  image       = "dir:/srv/debian"
  environment = { GREETING = "hello" }

  limits {
    memory = "256MiB"
  }

  nic "eth0" {
    network = network.lan
  }
}
