network "a" {
  ipv4 = "10.5.0.1/24"
  nat  = true
  nat {
  }
}

container "c" {
  egress = [egress.nowhere, network.a]
  mount "/x" {
    volume = volume.nowhere
  }
}
