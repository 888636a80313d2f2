container "s0" {
  limits {
    memory = "1 GB"
  }
}

container "s1" {
  limits {
    memory = "1.5B"
  }
}

container "s2" {
  limits {
    memory = "99999999999TiB"
  }
}

container "s3" {
  limits {
    memory = "GB"
  }
}

container "s4" {
  limits {
    memory = "-1MiB"
  }
}

container "s5" {
  limits {
    memory = "1XB"
  }
}

container "s6" {
  limits {
    memory = ""
  }
}

container "s7" {
  limits {
    memory = true
  }
}
