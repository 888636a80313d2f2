container "a.b" {

}

container "a b" {

}

container "-a" {

}

container "a-" {

}

container ".." {

}

container "A" {

}

container "a_b" {

}

container "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" {

}

container "" {

}

container "ä" {

}

container "a/b" {

}
network "B" {
}
image "a.b" {
  source = "builtin:busybox"
}
stack "a b" {
}
