container "a" {
  nic "eth0" {
  }
}
