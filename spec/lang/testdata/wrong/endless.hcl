container "a" {
  environment = { A = pow(10, 1000000) }
}
