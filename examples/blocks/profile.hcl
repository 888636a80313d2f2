# What containers have in common. Blocks and maps merge, plain values give way.
profile "base" {
  autostart   = true
  environment = { LANG = "C.UTF-8", DEBUG = "1" }

  limits {
    memory    = "256MiB"
    processes = 200
  }
}

profile "big" {
  profiles = [profile.base]

  limits {
    memory = "1GiB"
  }
}

container "db" {
  profiles = [profile.big]
  unset    = ["environment.DEBUG"]
}
