include = 7
