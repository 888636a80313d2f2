container "a" {
  idmap {
    size = 10
  }
}
container "b" {
  idmap {
    privileged = true
    size       = 65536
  }
}
