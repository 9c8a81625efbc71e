"""A table of bad inputs, what makes them, and what runs commands on them."""
