container "a" {
  hostname    = uper("a")
  environment = { A = file("nope.txt"), B = parseint("x", 10), C = uuid() }
}

locals {
  far = [for x in ["a"] : uppper(x)]
}
