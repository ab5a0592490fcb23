"""The protocol of a run without Ray: plan (immutable units), journal (unit files), snapshot."""
