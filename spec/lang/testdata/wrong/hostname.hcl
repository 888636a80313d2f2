container "h0" {
  hostname = ""
}

container "h1" {
  hostname = "a b"
}

container "h2" {
  hostname = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
}

container "h3" {
  hostname = "a\nb"
}

container "h4" {
  hostname = "a..b"
}
