"""The lexicon extractor: rules and word lists that a radiologist can read and edit."""

from radkg.rules.extractor import RulesExtractor

__all__ = ["RulesExtractor"]
