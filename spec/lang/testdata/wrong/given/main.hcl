variable "map" {
  type = map(number)
}

variable "n" {
  type = number
}

include = ["none*.hcl"]
