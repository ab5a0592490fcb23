"""Reporters: images in, one draft of a report per study out. No Ray."""
