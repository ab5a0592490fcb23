"""VLM-KG: projector, prefix and language model as one."""
