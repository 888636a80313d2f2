container "a" {
  environment = { HTTP_PROXY = "http://x:1", no_proxy = "a" }
  proxy {
    http     = "10.0.0.1:3128"
    https    = "ftp://x"
    no_proxy = ["a,b"]
  }
}
container "b" {
  proxy {
  }
}
