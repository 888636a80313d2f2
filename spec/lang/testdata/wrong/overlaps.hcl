volume "v" {
  path = "/srv/v"
}

volume "w" {
  path = "/srv/v/"
}

volume "none" {
}

volume "small" {
  path = "/srv/small"
  size = "1MiB"
}

volume "inside" {
  path = "/srv/image/part"
}

volume "image" {
  path = "/srv/image"
  size = "1GiB"
}

container "a" {
  mount "/data" {
    volume = volume.v
  }
  mount "/data/inner" {
    source = "/srv"
  }
  mount "/both" {
    source = "/srv"
    volume = volume.v
  }
  file "/data/x" {
    content = ""
  }
  file "/both" {
    content = ""
  }
  file "/etc/a" {
    content = ""
  }
  file "/etc/a/b" {
    content = ""
  }
}
