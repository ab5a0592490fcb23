"""Finds what identifies a person in free text, by the classes of HIPAA's Safe Harbor."""

from radkg.deid.classes import CLASSES, SafeHarborClass
from radkg.deid.finding import Identifier, find_identifiers

__all__ = ["CLASSES", "Identifier", "SafeHarborClass", "find_identifiers"]
