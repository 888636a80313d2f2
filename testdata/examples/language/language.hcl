# The example of the design of the language: all of it in one text.
stack "blog" { # optional; the default name is the file's or folder's
  prune = "report"
}

variable "sites" {
  type    = map(number)
  default = { a = 8081, b = 8082 }
}

variable "token" {
  type      = string
  sensitive = true
}

locals {
  domain = "example.org"
}

secret "db" { # a reference; the value is in no generation, plan, event or log
  file = "secrets/db.age"
}

image "bookworm" {
  source  = "debootstrap:bookworm"
  include = ["systemd-sysv", "dbus"]
}

image "tiny" {
  source = "builtin:busybox"
}

network "isolated" {        # a bridge that strake makes and owns
  bridge  = "st-isolated"   # default: "st-" + name
  ipv4    = "10.101.0.1/16" # or "none"
  ipv6    = "link-local"    # "fd42::1/64" | "link-local" | "none"
  nat     = false
  dhcp    = false
  dns     = false
  isolate = true # containers on it can't talk to each other
}

network "lan" { # an existing bridge: used, never changed
  external = "br0"
}

egress "updates" { # HTTP(S) allow-list proxy: the only way out
  allow = ["deb.debian.org", "*.debian.org"]
  ports = [80, 443]
}

volume "ghost" {
  path    = "/srv"
  protect = true
}

profile "base" {
  image       = image.bookworm
  autostart   = true
  environment = { LANG = "C.UTF-8" }

  limits {
    memory    = "512MiB"
    processes = 400
  }
}

container "blog" {
  profiles    = [profile.base] # left to right; the block itself wins
  hostname    = "blog"
  egress      = egress.updates # sets the proxy environment for it
  environment = { NODE_ENV = "production" }
  depends_on  = [container.db]
  raw         = { "lxc.sched.core" = "1" } # escape hatch, checked against liblxc's key table

  autostart { # or autostart = true
    order = 10
    delay = "5s"
    group = "web"
  }

  idmap { # isolated is the default; privileged = true is the exception, spelt out
    size = 65536
  }

  nic "eth0" {
    network = network.isolated
    type    = "bridged" # "bridged" | "routed" | "macvlan" | "physical"
    ipv4    = "auto"    # "auto" | "10.101.0.7" | "dhcp" | "none"
    mac     = "auto"    # chosen once, kept

    filter { # all true by default on managed networks
      mac  = true
      ipv4 = true
      ipv6 = true
    }

    limits {
      ingress = "100Mbit"
      egress  = "50Mbit"
    }
  }

  limits {
    cpus   = 1.5
    memory = "1GiB"
  }

  mount "/var/lib/ghost" {
    volume = volume.ghost
  }

  mount "/etc/ssl/site" {
    source   = "/usr/share"
    readonly = true
  }

  secret_file "/run/secrets/db" {
    from = secret.db
    mode = "0400"
  }

  system { # what the container contains: a system layer, built once, shared
    packages = ["nginx", "curl"]
    run      = ["useradd -m ghost"]

    service "nginx" {
      enabled = true
    }
  }

  file "/etc/nginx/conf.d/blog.conf" {
    content   = templatefile("blog.conf.tftpl", { port = 2368 })
    mode      = "0644"
    on_change = "reload:nginx" # "none" | "reload:UNIT" | "restart:UNIT" | "restart"
  }

  health {
    start_period = "10s"
    min_healthy  = "10s"
    deadline     = "2m"

    check "http" {
      url      = "http://:2368/"
      interval = "2s"
      failures = 3
    }

    check "units" {
      names = ["nginx.service"]
    }
  }

  update {
    auto_rollback = true
  }

  lifecycle {
    protect        = true
    drift          = "heal"
    ignore_changes = ["limits.cpus"]
  }
}

container "site" {
  for_each = var.sites # site-a, site-b
  name     = "site-${each.key}"
  profiles = [profile.base]

  proxy { # a proxy by hand; with an egress block it would be an error
    http     = "http://10.0.0.5:3128"
    no_proxy = ["localhost"]
  }

  nic "eth0" {
    network = network.isolated

    publish "8080" { # host port
      to = each.value
    }
  }
}

moved { # rename without recreate
  from = container.app-old
  to   = container.app
}

removed {
  from   = container.tmp
  action = "retire" # retire | forget | purge
}

import {
  from = "old1"
  to   = container.old1
}

check "quota" {
  assert {
    condition     = length(var.sites) < 64
    error_message = "too many sites"
  }
}
