# Rules of a profile and of the block add up.
egress "updates" {
  allow = ["deb.debian.org", "*.debian.org"]
  ports = [80, 443]
}

egress "payments" {
  allow    = ["api.example.com", "192.0.2.9", "2001:db8::9"]
  deny     = ["old.api.example.com"]
  ports    = [443]
  mode     = "report"
  upstream = "http://proxy.example.org:3128"
  via      = "network"

  upstream_user     = "me"
  upstream_password = secret.proxy

  limits {
    connections = 50
    rate        = "10Mbit"
    daily       = "2GiB"
    idle        = "5m"
  }
}

profile "base" {
  egress = egress.updates

  publish "8443" {
    to = 443
  }
}

container "blog" {
  unset    = ["publish.8443.to"]
  profiles = [profile.base]
  egress   = [egress.payments]

  publish "8080" {
    to = 80
  }
  publish "2222" {
  }
}

container "closed" {
  profiles = [profile.base]
  unset    = ["egress.updates", "publish.8443"]
}

secret "proxy" {
  file = "proxy.age"
}
