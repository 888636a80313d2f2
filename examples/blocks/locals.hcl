# Names for expressions, which may refer to each other.
locals {
  domain = "example.org"
  mail   = "mail.${local.domain}"
}

container "mail" {
  environment = { DOMAIN = local.domain, ADDRESS = "root@${local.mail}" }
}
