container "a" {
  depends_on = [container.b]
}
container "b" {
  depends_on = [container.c]
}
container "c" {
  depends_on = [container.a, container.c]
}
