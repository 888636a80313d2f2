network "averylongname" {
}
network "b" {
  bridge = "x y"
}
network "c" {
  bridge = "st-d"
}
network "d" {
}
network "e" {
  external = "br0"
  ipv4     = "10.0.0.1/8"
  nat      = false
}
network "f" {
  nat = true
  mtu = 1
}
