locals {
  a = local.b
  b = "${local.c}x"
  c = local.a
  d = upper(5, 6)
}
container "a" {
  hostname = local.a
}
