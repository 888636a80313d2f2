container "a" {

}
container "a" {

}
network "n" {
  ipv4 = "10.5.0.1/24"
}

network "n" {
  ipv4 = "10.5.0.1/24"
}

image "i" {
  source = "builtin:busybox"
}
image "i" {
  source = "builtin:busybox"
}
variable "v" {
  default = 1
}
variable "v" {
  default = 1
}
locals {
  a = 1
}
locals {
  a = 2
}
profile "p" {
}
profile "p" {
}
stack {
}
stack {
}
