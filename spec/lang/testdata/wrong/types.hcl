container "a" {
  hostname    = 5
  running     = "yes"
  environment = ["a"]
  depends_on  = "b"
  raw         = { "lxc.a" = [{}] }
  autostart {
    order = "x"
    delay = 5
  }
  limits {
    memory    = "64M"
    cpus      = "1"
    processes = 1.5
  }
  idmap {
    size = -1
  }
}
network "n" {
  external = true
}
