"""The classes of identifiers that Safe Harbor names: 45 CFR 164.514(b)(2)(i)(A) to (R)."""

from __future__ import annotations

from typing import NamedTuple


class SafeHarborClass(NamedTuple):
    """A class of identifiers."""

    letter: str
    """of its paragraph"""
    name: str
    is_in_text: bool = True
    """whether free text can hold one"""


CLASSES = {
    each.name: each
    for each in (
        SafeHarborClass("A", "name"),
        SafeHarborClass("B", "place"),
        SafeHarborClass("C", "date"),
        SafeHarborClass("C", "age over 89"),
        SafeHarborClass("D", "telephone"),
        SafeHarborClass("E", "fax"),
        SafeHarborClass("F", "email"),
        SafeHarborClass("G", "social security"),
        SafeHarborClass("H", "medical record"),
        SafeHarborClass("I", "health plan"),
        SafeHarborClass("J", "account"),
        SafeHarborClass("K", "licence"),
        SafeHarborClass("L", "vehicle"),
        SafeHarborClass("M", "device"),
        SafeHarborClass("N", "URL"),
        SafeHarborClass("O", "IP address"),
        SafeHarborClass("P", "biometric", is_in_text=False),
        SafeHarborClass("Q", "photograph", is_in_text=False),
        SafeHarborClass("R", "other number"),
    )
}
"""by name, in the order of the paragraphs"""
