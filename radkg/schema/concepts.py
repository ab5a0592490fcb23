"""The concepts that mentions name. A concept is known by its kind and its name."""

from __future__ import annotations


def get_concept_kind(label: str) -> str:
    """Return the kind of concept that a label marks: "anatomy" or "observation"."""
    return "anatomy" if label.startswith("ANAT") else "observation"


def get_concept_key(label: str, name: str) -> str:
    """Return "<kind>:<name>", the key of the concept of a mention with this label."""
    return f"{get_concept_kind(label)}:{name}"
