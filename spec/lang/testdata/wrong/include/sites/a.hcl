container "a" {
}
