container "a" {
  lifecycle {
    drift          = "maybe"
    ignore_changes = ["limits.cpu", "limits.cpus", "environment.LANG", "nic"]
  }
}
stack {
  prune = "yes"
}
