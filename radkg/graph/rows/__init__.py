"""What the graph holds of a study, computed from published rows, without a server."""
