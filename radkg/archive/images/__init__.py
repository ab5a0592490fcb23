"""The images of an archive: listed by name and location, read as grey values."""
