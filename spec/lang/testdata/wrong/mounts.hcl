container "a" {
  mount "srv" {
    source = "/srv"
  }
  mount "/a/../b" {
    source = "/srv"
  }
  mount "/q\"" {
    source = "/srv"
  }
  mount "/" {
    source = "/srv"
  }
  mount "/ok" {
    source = "srv"
  }
  mount "/twice" {
    source = "/srv"
  }
  mount "/twice/" {
    source = "/srv"
  }
  mount "/nl" {
    source = "/a\nb"
  }
  mount "/dots" {
    source = "/a/.."
  }
  mount "/none" {
  }
}
