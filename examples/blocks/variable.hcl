# Values that come from outside: STRAKE_VAR_sites, *.auto.hclvars, --var-file, --var.
variable "sites" {
  type        = map(number)
  default     = { a = 8081, b = 8082 }
  description = "Port of each site"

  validation {
    condition     = length(var.sites) < 64
    error_message = "At most 63 sites, not ${length(var.sites)}."
  }
}

container "site" {
  for_each    = var.sites # site-a, site-b
  environment = { PORT = each.value }
}
