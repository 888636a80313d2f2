container "a" {
  hostname = 
}
