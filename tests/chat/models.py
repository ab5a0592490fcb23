"""Chat models of published architectures in tiny sizes, with random weights, as directories."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from radkg.chat.guide import read_instruction
from radkg.model.language import train_byte_tokenizer

END = "<|im_end|>"
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] | trim }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
}
ARCHITECTURES = {
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, {}),
    "llama": (LlamaConfig, LlamaForCausalLM, {}),
    "gemma3": (Gemma3TextConfig, Gemma3ForCausalLM, {"sliding_window": 64}),
}


def write_chat(
    directory: Path, architecture: str = "qwen2", *, template: str | None = TEMPLATE, **sizes: int
) -> Path:
    """Write a chat model that knows nothing."""
    tokenizer = train_tokenizer()
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", chat_template=template
    )
    made.save_pretrained(directory)
    kind, model, more = ARCHITECTURES[architecture]
    vocab = tokenizer.get_vocab_size() + 4  # heads are padded
    eos = tokenizer.token_to_id("<|end|>")
    torch.manual_seed(0)
    settings = kind(vocab_size=vocab, eos_token_id=eos, **{**SIZES, **more, **sizes})
    random = model(settings)
    with torch.no_grad():  # sharper than at the start of a training: no two tokens are as likely
        random.get_input_embeddings().weight.mul_(10)
    random.save_pretrained(directory)
    return directory


def train_tokenizer(*special: str) -> Tokenizer:
    """Return a tokenizer whose first special token is <|end|>."""
    texts = [read_instruction(), " No pleural effusion - ; small + modify effusion +"]
    return train_byte_tokenizer(texts, 1500, ["<|end|>", "<|im_start|>", END, *special])
