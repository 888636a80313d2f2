container "a" {
  environment = {
    A = base64decode("!")
    B = base64decode("/w==")
    C = templatefile("big.tftpl", {})
    D = templatefile("list.tftpl", {})
    E = templatefile("self.tftpl", {})
    F = file("../functions.hcl")
    G = file("/etc/hostname")
    H = file("out")
    I = file("nul.bin")
    J = templatefile("bad.tftpl", { a = 1 })
    K = setproduct(range(1000), range(1000), range(1000))
    L = templatefile("lines.tftpl", {})
    M = join(" ", fileset(".", "*"))
    N = join(" ", fileset("..", "*"))
    O = join(" ", fileset(".", "["))
  }
}
