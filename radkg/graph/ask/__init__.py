"""Asking: named queries, your own Cypher, and corrected rates."""
