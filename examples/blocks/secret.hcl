# A value that stands in no text, plan, generation or log.
secret "db" {
  file = "secrets/db.age" # age -r "$(strake secret recipient)" -o secrets/db.age db.txt
}

container "app" {
  environment = { DB_PASSWORD = secret.db }

  secret_file "/run/secrets/db" {
    from = secret.db
    mode = "0400"
  }
}
