image "a" {
  source = "docker:debian"
}
image "b" {
  source = "dir:srv"
}
image "c" {
}
image "d" {
  source  = "builtin:alpine"
  include = ["x"]
}
image "e" {
  source  = "debootstrap:bookworm"
  include = ["-x", "dbus"]
}
container "a" {
  image = "bookworm"
}
container "b" {
  image = "debootstrap:"
}
