container "c" {
  file "/etc/hostname" {
    content = "other"
  }

  file "/etc//environment" {
    content = "A=1"
  }
}
