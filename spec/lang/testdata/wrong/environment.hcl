container "a" {
  environment = {
    "1A"      = "x"
    "A-B"     = "x"
    OK        = "line\nbreak"
    LIST      = []
  }
}
container "long" {
  environment = { A = format("%0131070d", 0), B = format("%0131069d", 0) }
}
container "many" {
  environment = { for i in range(20) : "V${i}" => format("%060000d", 0) }
}
