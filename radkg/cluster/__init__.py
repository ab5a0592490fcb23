"""The same objects on many machines. The only package that imports ray."""
