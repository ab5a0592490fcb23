"""Extractors of the tests, by the names that `--extractor` takes."""

EXTRACTORS = "tests.support.runs.extractors"
IMAGES = "tests.support.runs.image_extractor"
