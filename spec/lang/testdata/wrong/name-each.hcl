container "a" {
  for_each = toset(["X", "b c"])
}
container "d" {
  for_each = { a = 1, b = 2 }
  name     = "same"
}
container "n" {
  name = 5
}
