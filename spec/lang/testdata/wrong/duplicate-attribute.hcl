container "a" {
  hostname = "a"
  hostname = "b"
}
