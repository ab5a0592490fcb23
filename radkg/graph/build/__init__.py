"""Building a new store by import, and the choice between a new store and a load."""
