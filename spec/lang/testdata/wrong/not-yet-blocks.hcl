secret "db" {
}
container "a" {
  health {
  }
}
