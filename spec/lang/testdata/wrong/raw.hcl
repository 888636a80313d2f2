container "a" {
  raw = {
    "sched.core"              = "1"
    "lxc.a b"                 = "1"
    "lxc.rootfs.path"         = "1"
    "lxc.net.0.type"          = "veth"
    "lxc.idmap"               = "u 0 0 1"
    "lxc.uts.name"            = "x"
    "lxc.include"             = "/x"
    "lxc.hook.pre-start"      = "/x"
    "lxc.hook.start"          = "/fine"
    "lxc.start.auto"          = "1"
    "lxc.group"               = "x"
    "lxc.environment"         = "A=b"
    "lxc.cgroup2.memory.max"  = "1"
    "lxc.cgroup.cpu.cfs_quota_us" = "1"
    "lxc.cgroup2.pids.max"    = "1"
    "lxc.mount.entry"         = "x"
    "lxc.log.file"            = "x"
    "lxc.sched.core"          = "1\n2"
    "lxc.sched.cor"           = "1"
    "lxc.sysctl"              = "1"
    "lxc.sysctl.net.ipv4.x"   = "1"
    "lxc.prlimit.nofile"      = "1"
    "lxc.limit.nofile"        = "1"
    "lxc.cap.drop"            = ["a", "b"]
    "lxc.bogus"               = "1"
  }
}
