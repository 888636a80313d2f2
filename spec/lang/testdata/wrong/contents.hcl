container "a" {
  system {
    file "/x" {
      content   = ""
      on_change = "restart"
    }
    packages = "nginx"
  }
  mount "/x" {
    volume = "v"
  }
  rootfs {
    size = "10G"
  }
  egress = "updates"
}
