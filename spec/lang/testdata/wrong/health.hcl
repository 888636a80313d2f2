container "a" {
  health {
    interval = "1ms"
    deadline = "5s"
    failures = 0
    check "ping" {
    }
    check "http" {
      url    = "ftp://x"
      status = 42
    }
    check "http/two" {
      names = ["x"]
    }
    check "http/Two" {
      url = "http://:80/"
    }
    check "tcp" {
      address = "5432"
    }
    check "exec" {
      command = []
    }
    check "units" {
      names = ["a b"]
    }
    check "address" {
      nic = "eth9"
    }
    check "file" {
      path = "run/ready"
    }
    min_healthy = "10s"
  }
  update {
    max_parallel = 0
    canary       = -1
  }
}
