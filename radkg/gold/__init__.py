"""The human codes of Open-i: read, aligned to what a report says, filed for an extraction."""
