# A new name for a container: renamed, with its history, ids and addresses.
moved {
  from = container.shop-old
  to   = container.shop
}

container "shop" {
}
