# Where root filesystems come from.
image "tiny" {
  source = "builtin:busybox"
}

container "a" {
  image = image.tiny
}

container "b" {
  image = "builtin:busybox" # the same by hand
}
