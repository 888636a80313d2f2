# Checks of every kind, and two of one.
network "web" {
  ipv4 = "10.77.0.1/24"
}

profile "patient" {
  health {
    deadline = "5m"
    failures = 5

    check "http" {
      url = "http://:8080/healthz"
    }
  }

  update {
    canary = 1
  }
}

container "app" {
  profiles = [profile.patient]

  nic "eth0" {
    network = network.web
  }

  health {
    start_period = "10s"
    interval     = "500ms"
    timeout      = "3s"
    min_healthy  = "20s"

    check "http" {
      status   = 204
      interval = "1s"
      timeout  = "900ms"
      failures = 2
    }

    check "http/admin" {
      url = "https://[fd42::7]:9000/"
    }

    check "tcp" {
      address = ":5432"
    }

    check "exec" {
      command = ["pg_isready", "-q"]
    }

    check "units" {
      names = ["nginx.service", "app@1"]
    }

    check "address" {
      nic = "eth0"
    }

    check "file" {
      path = "/run/app/ready"
    }
  }

  update {
    auto_rollback = false
    max_parallel  = 2
  }
}
