# As many blocks as a list has elements.
locals {
  folders = { "/usr/share" = "/opt/share", "/usr/lib" = "/opt/lib" }
}

container "app" {
  dynamic "mount" {
    for_each = local.folders
    labels   = [mount.value]

    content {
      source   = mount.key
      readonly = true
    }
  }
}
