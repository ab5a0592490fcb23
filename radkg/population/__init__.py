"""The population of a snapshot as columns: answers about all studies at once, without a graph."""
