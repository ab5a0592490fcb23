"""Writing: the difference between a snapshot and a graph, in transactions that may run twice."""
