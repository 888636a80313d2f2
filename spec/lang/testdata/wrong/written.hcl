container "a" {
  file "/etc/hostname" {
    content = "a"
  }

  file "/etc/environment" {
    content = "a"
  }

  file "/proc/sys/kernel/hostname" {
    content = "a"
  }

  file "/dev/shm/x" {
    content = "a"
  }

  system {
    file "/sys/x" {
      content = "a"
    }

    file "/etc/resolv.conf" {
      content = "a"
    }

    file "/run/x" {
      content = "a"
    }

    file "/etc/hostname" {
      content = "a layer may have one"
    }
  }
}
