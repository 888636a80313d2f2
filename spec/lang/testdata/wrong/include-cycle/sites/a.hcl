include = ["main.hcl", "sites/b.hcl"]
