secret "none" {
}
secret "odd" {
  file = "a\u0000b"
}
container "c" {
  secret_file "/run/l" {
  }
}
