container "a" {
  limits {
    cpus      = 0
    processes = 0
  }
}
container "b" {
  limits {
    cpus      = -1
    processes = 9999999
  }
}
