"""The schema of the graph in numbered steps, a file each."""
