image "tar:/srv/image.tar" {
  digest = "sha256-0123"
  time   = "yesterday"
}

image "tar:/srv/image.tar" {
  digest = "sha256-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  tyme   = "2026-01-31T12:00:00Z"
}

image "dir:/srv/tree" {
  digest = var.digest
}

container "d" {}
