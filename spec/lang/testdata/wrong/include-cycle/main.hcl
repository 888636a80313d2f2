include = ["sites/a.hcl"]
