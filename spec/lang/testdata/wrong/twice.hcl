locals {
  ports = { http = 80, "http" = 8080 }
}

container "a" {
  environment = {
    A = "1"
    B = "2"
    A = "3"
  }
}
