volumes "db" {
}
container "a" {
  helth {
  }
}
