container "a" {}
container "b" {
  for_each = toset(["x"])
}
moved {
  from = container.a
  to   = container.b["x"]
}
moved {
  from = container.gone
  to   = container.nowhere
}
moved {
  from = "gone"
  to   = container.a
}
moved {
  from = container.old[1]
  to   = container.a
}
moved {
  from = container.older
  to   = container.b
}
moved {
  to = container.a
}
removed {
  from   = container.c
  action = "burn"
}
removed {
  from = container.c
}
removed {
  from   = container.d
  action = 7
}
import {
  from = "lxc1"
  to   = container.a
}
import {
  from = "lxc1"
  to   = container.a
}
import {
  from = "../etc"
  to   = container.b["x"]
}
import {
  from   = "lxc2"
  to     = container.a
  action = "now"
}
