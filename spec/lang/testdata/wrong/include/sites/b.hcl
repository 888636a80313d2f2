container "b" { hostnam = "x" }
