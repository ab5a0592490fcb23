"""Texts that come with this package, in folders beside its modules."""

from __future__ import annotations

import importlib.resources


def read_packaged_texts(folder: str, suffix: str) -> dict[str, str]:
    """Return the texts of the files in radkg/graph/<folder> with a suffix, by name, sorted."""
    files = (importlib.resources.files("radkg.graph") / folder).iterdir()
    found = {file.name: file.read_text("utf-8") for file in files if file.name.endswith(suffix)}
    return dict(sorted(found.items()))
