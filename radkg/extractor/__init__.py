"""Extractors: `load_extractor` is the one door; studies in, one extraction per study out. No Ray.

`base` says what an extractor is, `loading` finds one by its name, `rows` turns its answers into
checked rows.
"""

from radkg.extractor.base import (
    ChoosesCondition,
    CodesReader,
    CountsTokens,
    Extractor,
    HasDevice,
    PreparedImage,
    PreparedImages,
    SeesImages,
    TakesCalls,
    count_calls,
    count_tokens,
    find_preprocessing,
)
from radkg.extractor.loading import (
    DEFAULT,
    RULES,
    SHIPPED,
    check_device,
    load_extractor,
    resolve_name,
)
from radkg.extractor.rows import extract_rows, make_unreadable_row

__all__ = [
    "DEFAULT",
    "RULES",
    "SHIPPED",
    "ChoosesCondition",
    "CodesReader",
    "CountsTokens",
    "Extractor",
    "HasDevice",
    "PreparedImage",
    "PreparedImages",
    "SeesImages",
    "TakesCalls",
    "check_device",
    "count_calls",
    "count_tokens",
    "extract_rows",
    "find_preprocessing",
    "load_extractor",
    "make_unreadable_row",
    "resolve_name",
]
