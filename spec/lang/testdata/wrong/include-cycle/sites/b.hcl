include = ["sites/a.hcl", "${var.x}"]
