variable "token" {
  default   = "hunter2hunter2"
  sensitive = true
}
secret "host" {
  file = "/etc/strake/host"
}
container "a" {
  environment = {
    U   = "${var.token}\n"
    V   = [var.token]
    "1" = var.token
  }
}
container "b" {
  environment = { T = "x ${secret.host}" }
}
secret "none" {
}
secret "empty" {
  file = "a\u0000b"
}
container "c" {
  secret_file "/run/l" {
    from = ["a"]
  }
}
