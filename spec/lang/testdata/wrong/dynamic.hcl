variable "secret" {
  default   = "abc"
  sensitive = true
}

container "a" {
  dynamic "nci" {
    for_each = [1]
    labels   = ["eth0"]
    content {}
  }

  dynamic "mount" {
    for_each = { a = "/a", b = "/b" }
    labels   = ["/same"]
    content {
      source = mount.value
    }
  }

  dynamic "file" {
    for_each = nope
    labels   = [file.key]
    content {
      content = "x"
    }
  }
}

container "b" {
  dynamic "nic" {
    for_each = [var.secret]
    labels   = ["eth0"]
    content {}
  }

  dynamic "mount" {
    for_each = each.value
    labels   = [mount.key]
    content {
      source = mount.value
    }
  }
}

container "c" {
  dynamic "mount" {
    for_each = ["relative", "/ok"]
    iterator = m
    labels   = ["/m${m.key}"]
    content {
      source = m.value
      mode   = m.valve
    }
  }

  dynamic "file" {
    for_each = null
    labels   = ["/x"]
    content {}
  }

  dynamic "proxy" {
    for_each = [1]
    labels   = ["x"]
    content {}
  }
}

container "d" {
  for_each = { x = ["/x"], y = ["nope", "/y"] }

  dynamic "mount" {
    for_each = each.value
    labels   = ["/in/${mount.key}"]
    content {
      source = mount.value
    }
  }
}

container "e" {
  dynamic "mount" {
    for_each = "text"
    labels   = ["/x"]
    content {}
  }

  dynamic "file" {
    for_each = [null]
    labels   = [file.value]
    content {}
  }

  dynamic "nic" {
    for_each = []
  }
}
