"""The verbs of radkg: a frozen config in, a report out; no command line, no Ray."""
