"""What the graph holds of a study, computed from published rows: no server is asked here."""
