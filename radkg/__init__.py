"""radkg: archives of chest X-rays and their reports to a knowledge graph of a population."""

__version__ = "0.1.0"
