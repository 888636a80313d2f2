container "a" {
  for_each   = toset(["x", "y"])
  depends_on = [container.b]
}
container "b" {
  depends_on = [container.a]
}
container "d" {
  depends_on = [container.a["z"]]
}
