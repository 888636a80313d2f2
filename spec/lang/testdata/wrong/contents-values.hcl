container "a" {
  file "etc/motd" {
    content = ""
  }
  file "/etc/motd" {
    content   = "x"
    mode      = "0999"
    owner     = "root:wheel:adm"
    on_change = "reboot"
  }
  file "/etc/nothing" {
    on_change = "reload:a b"
  }
  file "/etc/folder/" {
    content = ""
  }
  system {
    packages = ["nginx", "--force", "nginx"]
    run      = [" "]
    service "a b" {
      enabled = true
    }
    service "nginx" {
    }
    user "0day" {
      uid    = 0
      home   = "home"
      groups = ["a b"]
    }
  }
  build {
    timeout = "10ms"
  }
  rootfs {
    size = 10
  }
}
