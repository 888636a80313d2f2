variable "a" {
  type = number
}
variable "b" {
  type    = list(string)
  default = "x"
}
variable "c" {
  type = sring
}
variable "d" {
  typ = string
}
