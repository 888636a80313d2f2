variable "token" {
  default   = "hunter2hunter2"
  sensitive = true
}
secret "Big" {
}
secret "gone" {
  file = "secrets/gone.age"
}
secret "out" {
  file = "../out.age"
}
secret "host" {
  file = "/etc/strake/host"
}
secret "host" {
  file = "/etc/strake/host"
}
container "a" {
  hostname    = secret.host
  environment = { V = secret.hots }
  mount "/srv/x" {
    source = "/srv"
  }
  secret_file "/srv/x" {
    from = secret.host
  }
  secret_file "run/x" {
    from = "plain"
  }
  secret_file "/proc/x" {
    from = 7
  }
  secret_file "/run/secrets/b" {
    mode = "7777"
  }
  secret_file "/run/secrets/b/c" {
    from  = var.token
    owner = "root"
    file  = "x"
  }
  proxy {
    http = secret.host
  }
}
