# Most of what can be said of a container itself.
container "app" {
  hostname    = "app"
  environment = { MODE = "production" }
  raw         = { "lxc.sched.core" = "1" }

  autostart {
    order = 10
    delay = "5s"
  }

  limits {
    memory    = "128MiB"
    cpus      = 0.5
    processes = 100
  }

  mount "/opt/share" {
    source   = "/usr/share"
    readonly = true
  }

  lifecycle {
    protect = true
    drift   = "heal"
  }
}
