container "c" {
  file "/etc/hostname" {
    content = "c"
  }

  file "/etc/environment" {
    content = "A=1"
  }
}
