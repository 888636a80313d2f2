container "a" {
  image      = image.tinny
  profiles   = [profile.base]
  hostname   = var.nme
  depends_on = [container.b]
  nic "eth0" {
    network = network.lan
  }
  environment = { A = local.x, B = each.key }
}
image "tiny" {
  source = "builtin:busybox"
}
variable "name" {
  default = "x"
}
