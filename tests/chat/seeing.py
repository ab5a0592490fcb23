"""Vision-language models of published architectures in tiny sizes, with random weights."""

from pathlib import Path

import torch
from transformers import (
    CLIPImageProcessor,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessor,
    Gemma3Processor,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

from tests.chat.models import SIZES, train_tokenizer

_SQUARE = {"height": 56, "width": 56}
_TOWER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 56,
    "patch_size": 14,
}


def _template(image: str, *, takes_text: bool = True) -> str:
    """Return a chat template; `takes_text` is whether a message may be a text without parts."""
    parts = (
        "{% for c in m['content'] if c['type'] == 'image' %}" + image + "{% endfor %}"
        "{% for c in m['content'] if c['type'] == 'text' %}{{ c['text'] }}{% endfor %}"
    )
    if takes_text:
        parts = (
            "{% if m['content'] is string %}{{ m['content'] }}{% else %}" + parts + "{% endif %}"
        )
    return (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n" + parts + "<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )


def _write_qwen(directory: Path) -> None:
    image, video, start, end = (
        "<|image_pad|>",
        "<|video_pad|>",
        "<|vision_start|>",
        "<|vision_end|>",
    )
    tokenizer, made = _wrap(image, video, start, end)
    Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(min_pixels=28 * 28 * 4, max_pixels=28 * 28 * 16),
        tokenizer=made,
        video_processor=Qwen2VLVideoProcessor(),
        chat_template=_template(start + image + end),
    ).save_pretrained(directory)
    sizes = {name: size for name, size in SIZES.items() if name != "head_dim"}
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10_000.0}
    config = Qwen2_5_VLConfig(
        text_config={**sizes, **_of(tokenizer), "rope_parameters": rope},
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 32,
            "fullatt_block_indexes": [1],
        },
        image_token_id=tokenizer.token_to_id(image),
        video_token_id=tokenizer.token_to_id(video),
        vision_start_token_id=tokenizer.token_to_id(start),
        vision_end_token_id=tokenizer.token_to_id(end),
        tie_word_embeddings=True,
    )
    Qwen2_5_VLForConditionalGeneration(config).save_pretrained(directory)


def _write_llava(directory: Path) -> None:
    tokenizer, made = _wrap("<image>")
    LlavaProcessor(
        image_processor=CLIPImageProcessor(size={"shortest_edge": 56}, crop_size=_SQUARE),
        tokenizer=made,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_template("<image>\n", takes_text=False),
        image_token="<image>",
    ).save_pretrained(directory)
    config = LlavaConfig(
        text_config={"model_type": "llama", **SIZES, **_of(tokenizer)},
        vision_config={"model_type": "clip_vision_model", "projection_dim": 32, **_TOWER},
        image_token_index=tokenizer.token_to_id("<image>"),
        vision_feature_layer=-1,
    )
    LlavaForConditionalGeneration(config).save_pretrained(directory)


def _write_gemma(directory: Path) -> None:
    begin, end, soft = "<start_of_image>", "<end_of_image>", "<image_soft_token>"
    names = {"boi_token": begin, "eoi_token": end, "image_token": soft}
    tokenizer, made = _wrap(begin, end, soft, extra_special_tokens=names)
    Gemma3Processor(
        image_processor=Gemma3ImageProcessor(size=_SQUARE),
        tokenizer=made,
        image_seq_length=4,
        chat_template=_template(begin),
    ).save_pretrained(directory)
    config = Gemma3Config(
        text_config={**SIZES, **_of(tokenizer), "sliding_window": 4096},
        vision_config=_TOWER,
        mm_tokens_per_image=4,
        boi_token_index=tokenizer.token_to_id(begin),
        eoi_token_index=tokenizer.token_to_id(end),
        image_token_index=tokenizer.token_to_id(soft),
    )
    model = Gemma3ForConditionalGeneration(config)
    torch.nn.init.normal_(model.model.multi_modal_projector.mm_input_projection_weight)  # else 0
    model.save_pretrained(directory)


def _wrap(*special: str, **settings: object) -> tuple:
    tokenizer = train_tokenizer(*special)
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|end|>",
        pad_token="<|end|>",
        additional_special_tokens=list(special),
        **settings,
    )
    return tokenizer, made


def _of(tokenizer) -> dict[str, int]:
    end = tokenizer.token_to_id("<|end|>")
    return {"vocab_size": tokenizer.get_vocab_size() + 4, "eos_token_id": end}


SEEING = {"qwen2_5_vl": _write_qwen, "llava": _write_llava, "gemma3": _write_gemma}


def write_seeing_chat(directory: Path, architecture: str) -> Path:
    """Write a vision-language model that knows nothing."""
    torch.manual_seed(0)
    SEEING[architecture](directory)
    return directory
