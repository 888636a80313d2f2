variable "sites" {
  default = { a = 1, b = 2 }
}
container "c" {}
check "quota" {
  assert {
    condition     = length(var.sites) < 2
    error_message = "too many sites: ${length(var.sites)}"
  }
  assert {
    condition     = length(var.sites) == 2
    error_message = "never seen"
  }
}
check "kind" {
  assert {
    condition     = "yes"
    error_message = "never seen"
  }
  assert {
    condition = true
  }
  other = 1
}
check "quota" {}
check "unknown" {
  assert {
    condition     = var.sits == 1
    error_message = "never seen"
  }
}
