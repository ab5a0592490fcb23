"""A published snapshot to and from other formats: one file here, one format."""
