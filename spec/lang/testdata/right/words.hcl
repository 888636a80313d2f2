# What can be said of texts.
locals {
  site = { name = "blog", ports = [80, 443], on = true, note = "a: b" }
}

container "a" {
  environment = {
    FIRST = startswith("lxc.net.0", "lxc.net.")
    LAST  = endswith("db.age", ".age")
    IN    = strcontains("bookworm", "kw")
    NAME  = basename("/srv/site/index.html")
    DIR   = dirname("/srv/site/index.html")
  }

  file "/etc/site.yaml" {
    content = yamlencode(local.site)
  }
}
