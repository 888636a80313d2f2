image "unsummed" {
  source = "tar:https://example.org/x.tar.zst"
}
image "short" {
  source = "tar:/srv/x.tar"
  sha256 = "ABC"
}
image "elsewhere" {
  source = "oci:example.org/x:1"
  sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  mirror = "/srv/debs"
}
image "secret" {
  source = "simplestreams:https://me:word@example.org/#debian/bookworm"
}
image "nameless" {
  source = "simplestreams:https://example.org/"
}
image "odd" {
  source = "oci:example.org/x y"
}
image "none" {
  source = "images:"
}
image "relative" {
  source = "debootstrap:bookworm"
  mirror = "debs"
}
container "a" {
  image = "tar:http://example.org/x.tar"
}
