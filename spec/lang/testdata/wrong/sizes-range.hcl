container "s0" {
  limits {
    memory = 512
  }
}

container "s1" {
  limits {
    memory = -1
  }
}

container "s2" {
  limits {
    memory = 0
  }
}

container "s3" {
  limits {
    memory = "3MiB"
  }
}
