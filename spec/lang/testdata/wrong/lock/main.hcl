container "c" {
  image = "tar:/srv/image.tar"
}
