# What becomes of a container that left the text.
removed {
  from   = container.tmp
  action = "retire" # or "forget", or "purge"
}

container "app" {
}
