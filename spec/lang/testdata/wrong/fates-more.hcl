container "a" {}
moved {
  from = container.c
  to   = container.a
}
moved {
  from = container.d
  to   = container.a
}
removed {
  from = container.c
}
removed {
  from = container.a
}
