# A name for all that is in the text, and what becomes of containers that leave it.
stack "shop" {
  prune = "report" # they are kept, and plans say so; "retire" stops them
}

container "shop" {
}
