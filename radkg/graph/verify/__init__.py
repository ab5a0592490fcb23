"""Comparing: what the graph holds against the snapshot that was loaded."""
