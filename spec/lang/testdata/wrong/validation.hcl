variable "a" {
  default = 5
  validation {
    condition     = var.a > 10
    error_message = "a is ${var.a}, the least is 10."
  }
  validation {
    condition     = "x"
    error_message = "never"
  }
}
