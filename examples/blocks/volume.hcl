# Data that is no part of any generation: rolled back never, deleted never.
volume "data" {
  path    = "/srv" # a folder that is there
  protect = true
}

container "db" {
  mount "/var/lib/data" {
    volume = volume.data
  }
}
