# What has to be true of the text as a whole.
variable "sites" {
  type    = list(string)
  default = ["a", "b"]
}

check "quota" {
  assert {
    condition     = length(var.sites) < 64
    error_message = "Too many sites: ${length(var.sites)}."
  }
}

container "site" {
  for_each = toset(var.sites)
}
