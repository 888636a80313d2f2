network "a" {
  ipv4 = "10.0.0.1/8"
  ipv6 = "fd42::1/48"
}
network "b" {
  ipv4 = "10.1.0.1/16"
}
network "c" {
  ipv4 = "10.2.0.1/16"
  ipv6 = "fd42:0:0:1::1/64"
}
network "d" {
  ipv4 = "11.0.0.1/16"
}
