profile "a" {
  profiles = [profile.b]
}
profile "b" {
  profiles = [profile.a]
}
profile "c" {
  hostname = "x"
}
container "a" {
  profiles = [profile.z]
}
