container "a" {
  environment = { A = pow(10, 1000000), B = indent(2000, "x") }
}
