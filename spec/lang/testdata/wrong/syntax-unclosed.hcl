container "a" {
  hostname = "x"
