"""Networks that write a report from images: R2GenKG and its parts, and the generator they share."""
