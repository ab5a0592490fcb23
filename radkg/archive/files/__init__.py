"""Where bytes are: a disk, S3, a zip, a tar, a gzip; listed once, read by place."""
