locals {
  ports = { web = 8080, admin = 8081 }
}

network "n" {
  ipv4 = "10.9.0.1/24"
}

profile "base" {
  dynamic "mount" {
    for_each = toset(["a", "b"])
    labels   = ["/data/${mount.value}"]
    content {
      source = "/srv/${mount.value}"
    }
  }
}

container "one" {
  profiles = [profile.base]

  dynamic "nic" {
    for_each = ["eth0", "eth1"]
    iterator = port
    labels   = [port.value]

    content {
      network = network.n

      dynamic "publish" {
        for_each = port.key == 0 ? local.ports : {}
        labels   = [publish.value]

        content {
          to = publish.value + port.key
        }
      }
    }
  }

  dynamic "limits" {
    for_each = [1]

    content {
      memory = "64MiB"
    }
  }

  dynamic "proxy" {
    for_each = []

    content {
      http = "http://x:1"
    }
  }
}

container "many" {
  for_each = { a = ["/x"], b = [], c = ["/y", "/z"] }
  hostname = each.key

  dynamic "mount" {
    for_each = each.value
    labels   = [mount.value]

    content {
      source   = "/host/${each.key}${mount.value}"
      readonly = mount.key == 1
    }
  }
}
