"""The knowledge graph that writes: what a population's published extractions state together."""
