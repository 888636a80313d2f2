network "a" {
  ipv6 = "fd42:1::1/80"
  dhcp = true
  ra   = true
  nat {
    interface = "st-a"
  }
}

network "b" {
  dns {
    upstream = ["dns.example.org", "9.9.9.9", "9.9.9.9"]
  }
  nat {
    interface = ""
  }
}

network "c" {
  external = "br0"
  dns      = false
  dhcp     = false
}
