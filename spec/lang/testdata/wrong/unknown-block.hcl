contaner "a" {
}
container "a" {
  limit {
  }
}
