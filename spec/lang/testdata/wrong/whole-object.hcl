container "a" {
  environment = { A = var }
}
variable "x" {
  default = 1
}
