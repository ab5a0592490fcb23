"""The one-pass extractor: words in, entities and relations out, in one forward."""
