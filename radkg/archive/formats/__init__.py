"""What the bytes of an archive mean: one file, one format; `radkg.archive.FORMATS` lists them."""
