egress "a" {
  allow    = ["https://deb.debian.org", "*", "a.*.org", "*.debian.org", "*.debian.org", "127.1", "0x7f000001", "::ffff:1.2.3.4", "0.0.0.0", "Up.org", "fe80::1%eth0", "", "a_b.org"]
  deny     = ["x:80"]
  ports    = [80, 0, 80]
  mode     = "log"
  upstream = "proxy:3128"
  limits {
    connections = 0
    rate        = "1bit"
    daily       = 0
    idle        = "1ms"
  }
}

egress "b" {
  upstream = "http://me:secret@proxy:3128"
  via      = "bridge"
  ports    = []
}

container "c" {
  egress = [egress.a, egress.b]
  proxy {
    http = "http://10.0.0.5:3128"
  }
}

container "d" {
  egress      = egress.a
  environment = { https_proxy = "x" }
}

egress "e" {
  upstream_user = "me"
}

egress "f" {
  upstream          = "http://proxy:3128"
  upstream_password = secret.s
}

egress "g" {
  upstream          = "http://proxy:3128"
  upstream_user     = "a:b"
  upstream_password = "plain"
}

secret "s" {
  file = "s"
}

egress "h" {
  upstream      = "http://proxy:3128"
  upstream_user = "me"
}
