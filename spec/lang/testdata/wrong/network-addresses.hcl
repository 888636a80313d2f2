network "n0" {
  ipv4 = "10.1.0.1"
}
network "n1" {
  ipv4 = "10.2.0.0/16"
}
network "n2" {
  ipv4 = "10.3.255.255/16"
}
network "n3" {
  ipv4 = "300.1.1.1/8"
}
network "n4" {
  ipv4 = "10.4.0.1/31"
}
network "n5" {
  ipv4 = "127.0.0.1/8"
}
network "n6" {
  ipv4 = "fd42::1/64"
}
network "n7" {
  ipv6 = "fe80::1/64"
}
network "n8" {
  ipv6 = "10.5.0.1/16"
}
network "n9" {
  ipv6 = "fd42::/64"
}
network "n10" {
  ipv6 = "fd43::1/128"
}
network "n11" {
  ipv6 = "auto"
}
