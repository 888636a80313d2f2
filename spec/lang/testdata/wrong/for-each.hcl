container "f0" {
  for_each = ["a"]
}
container "f1" {
  for_each = "a"
}
container "f2" {
  for_each = null
}
container "f3" {
  for_each = toset([1])
}
container "f4" {
  for_each = 5
}
container "f5" {
  for_each = container.f0
}
container "f6" {
  for_each = local.nope
}
