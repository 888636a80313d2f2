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
variable "e" {
  type    = list(object({ port = number, host = optional(string) }))
  default = [{ port = 1 }, { port = 2, hots = "x" }]
}
variable "f" {
  type      = tuple([object({ a = string })])
  sensitive = true
  default   = [{ a = "x", b = "y" }]
}
