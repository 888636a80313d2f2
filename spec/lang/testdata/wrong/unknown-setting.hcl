container "a" {
  hostnme = "x"
  limits {
    memori = "1GiB"
  }
}
