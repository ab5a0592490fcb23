"""Concepts: what mentions are of. A name is a concept's own within its kind."""

from __future__ import annotations


def concept_kind(label: str) -> str:
    """Return what a mention with this label is of: "anatomy" or "observation"."""
    return "anatomy" if label.startswith("ANAT") else "observation"


def concept_key(label: str, name: str) -> str:
    """Return "<kind>:<name>", the key of the concept of a mention with this label."""
    return f"{concept_kind(label)}:{name}"
