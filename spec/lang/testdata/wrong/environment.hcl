container "a" {
  environment = {
    "1A"      = "x"
    "A-B"     = "x"
    OK        = "line\nbreak"
    LIST      = []
  }
}
