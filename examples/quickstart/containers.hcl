# Two small containers on a network of their own. Try it:
#
#   strake plan  examples/quickstart/containers.hcl
#   strake apply examples/quickstart/containers.hcl

stack "quickstart" {
}

network "quick" { # a bridge that strake makes and owns
  bridge      = "st-quick"
  ipv4        = "10.101.0.1/16"
  host_access = true # the containers may use what listens on this machine
}

image "tiny" { # made from this machine's static busybox: nothing is downloaded
  source = "builtin:busybox"
}

profile "base" {
  image     = image.tiny
  autostart = true

  environment = {
    LANG = "C.UTF-8"
  }

  limits {
    memory    = "64MiB"
    cpus      = 0.5
    processes = 100
  }

  proxy {
    http     = "http://10.101.0.1:3128"
    https    = "http://10.101.0.1:3128"
    no_proxy = ["localhost", "10.101.0.0/16"]
  }
}

container "c1" {
  profiles = [profile.base]

  nic "eth0" {
    network = network.quick
    ipv4    = "10.101.0.2" # fixed
  }
}

container "c2" {
  profiles   = [profile.base]
  depends_on = [container.c1]

  autostart { # instead of the profile's autostart = true
    order = 10
    delay = "1s"
  }

  limits { # memory and processes stay as in the profile
    cpus = 0.25
  }

  nic "eth0" {
    network = network.quick # an address is chosen, and kept
  }
}
