"""VLM-KG in plain PyTorch: vision, projector, language model, generation; no Ray, no archive."""
