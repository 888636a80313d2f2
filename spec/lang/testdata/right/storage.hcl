# Data that outlives containers, and what a container is made of.
volume "ghost" {
  path    = "/srv/ghost"
  protect = true
}

volume "scratch" {
  path = "/srv/scratch"
  size = "2GiB"
}

network "mirror" {
  ipv4 = "10.78.0.1/24"
}

egress "debian" {
  allow = ["deb.debian.org"]
}

profile "nginx" {
  system {
    packages = ["nginx", "curl"]

    service "nginx" {
      enabled = true
    }
  }

  file "/etc/nginx/conf.d/site.conf" {
    content = "listen 80;\n"
  }
}

container "blog" {
  profiles = [profile.nginx]

  mount "/var/lib/ghost" {
    volume = volume.ghost
  }

  mount "/var/cache/ghost" {
    volume   = volume.scratch
    readonly = true
  }

  system {
    run = ["useradd -m ghost", "systemctl mask apt-daily.timer"]

    service "apt-daily.timer" {
      enabled = false
    }

    user "ghost" {
      uid    = 990
      home   = "/var/lib/ghost"
      shell  = "/usr/sbin/nologin"
      groups = ["adm"]
    }

    file "/etc/apt/apt.conf.d/99local" {
      content = "Acquire::Retries 3;\n"
      mode    = "644"
      owner   = "root"
    }
  }

  build {
    network = network.mirror
    egress  = egress.debian
    timeout = "10m"
  }

  file "/etc/nginx/conf.d/site.conf" {
    mode      = "0640"
    owner     = "root:www-data"
    on_change = "reload:nginx"
  }

  rootfs {
    ephemeral = true
    size      = "10GiB"
  }
}
