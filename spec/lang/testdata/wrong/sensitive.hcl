variable "token" {
  default   = "hunter2hunter2"
  sensitive = true
  validation {
    condition     = length(var.token) > 99
    error_message = "too short: ${var.token}"
  }
}
locals {
  n = parseint(var.token, 10)
  m = [for x in [var.token] : parseint(x, 10)]
}
container "a" {
  hostname    = var.token
  environment = { T = upper(var.token) }
}
container "b" {
  environment = { (var.token) = "x" }
}
container "c" {
  environment = { for t in [var.token] : "T" => t if t != "" }
}
