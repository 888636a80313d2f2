profile "a" {
  locked = ["limits.memory", "raw", "nonsense", "limits.memoy"]
  limits {
    memory = "1GiB"
  }
}
container "a" {
  profiles = [profile.a]
  unset    = ["limits.memory", "limits.cpus"]
  raw      = { "lxc.sched.core" = "1" }
  limits {
    memory = "2GiB"
  }
}
