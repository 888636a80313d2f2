container "a" {
  hostname = container.a
}
