include = ["out/*.hcl", "link/*.hcl", "sites/*.hcl", "l*/*.hcl"]
