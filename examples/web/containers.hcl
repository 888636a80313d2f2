# A Debian web server: nginx in a system layer that is built once, its site as a
# file that is changed where it runs.

network "build" {
  bridge = "st-build"
  ipv4   = "10.130.0.1/24"
  nat    = true # a build gets its packages from Debian's mirror
}

network "web" {
  bridge      = "st-web"
  ipv4        = "10.131.0.1/24"
  host_access = true
}

image "bookworm" {
  source  = "debootstrap:bookworm"
  include = ["systemd-sysv", "dbus"]
}

profile "nginx" {
  image = image.bookworm

  system {
    packages = ["nginx-light"]
    run      = ["rm /etc/nginx/sites-enabled/default"]

    user "deploy" {
      groups = ["www-data"]
    }

    service "nginx" {
      enabled = true
    }
  }

  build {
    network = network.build
  }
}

container "site" {
  profiles = [profile.nginx]

  nic "eth0" {
    network = network.web
    ipv4    = "10.131.0.10"
  }

  file "/etc/nginx/sites-enabled/site" {
    content   = <<-EOT
      server {
        listen 80 default_server;
        root /srv/site;
      }
    EOT
    on_change = "reload:nginx"
  }

  file "/srv/site/index.html" {
    content = "<h1>It works</h1>\n"
    owner   = "deploy:www-data"
    mode    = "0640"
  }
}
