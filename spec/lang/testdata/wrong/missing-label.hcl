container {
}
network "a" "b" {
}
