# Where a root filesystem can come from.

# An image of the LXC project: Debian with systemd.
container "debian" {
  image = "images:debian/bookworm"
}

# Debian as it was on one day, with these packages and their dependencies.
image "frozen" {
  source  = "debootstrap:bookworm"
  mirror  = "https://snapshot.debian.org/archive/debian/20260101T000000Z/"
  include = ["systemd-sysv", "dbus"]
}

container "frozen" {
  image = image.frozen
}

# An image of a registry, which has no init: it runs what it is for.
container "registry" {
  image       = "oci:registry:2"
  environment = { REGISTRY_LOG_LEVEL = "warn" }

  limits {
    memory = "256MiB"
  }
}

# An archive from elsewhere. It is this one, or none.
image "archive" {
  source = "tar:https://example.org/appliance.tar.zst"
  sha256 = "78d2c4318b8607ad5d5da2e1fa238f57e3e44828fe071fe01c0ba153dd17cf35"
}

container "appliance" {
  image   = image.archive
  running = false
}
