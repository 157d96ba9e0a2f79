"""What is wrong with a design, by what it is meant for, by its routes and filters, and by what packets did. Pure."""
