"""Any chat model as an extractor: the guide of RadGraph's schema as prompt, and examples. No Ray.

`extractor` is what `--extractor llm:DIRECTORY_OR_NAME` loads, `guide` writes prompts, `examples`
chooses annotated sentences like the one at hand, `sight` asks about images with the names of
`codebook`, and `model` opens directories of Hugging Face.
"""
