"""What report models learn from: texts, images as tokens, a knowledge graph as tensors."""
