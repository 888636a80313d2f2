include = ["sites/*.hcl", "sites/a.hcl", "nope/*.hcl", "missing.hcl", "../x.hcl", "/etc/x.hcl", "sites", "sites/readme.txt", "[", "more.hcl"]
