container "a" {
  autostart {
    order = -1
    delay = "1500ms"
    group = "a,b"
  }
}
container "b" {
  autostart {
    delay = "soon"
  }
}
