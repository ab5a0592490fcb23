"""What a chat model is told of the codes of an image: their form, their names, and examples.

Names and examples are those of the human coders of Open-i's training studies.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import NamedTuple

from radkg.gold.coded import load_coded_studies
from radkg.train.supervision import collect_vocabulary, split_held_out, write_all_codes

EXAMPLES = 8

_TASK = """These are the images of one chest X-ray study. Write the abnormal findings that they \
show as medical coders file them: items with " ; " between them.

An item is a finding, or two names with a relation between them: "FINDING located_at SITE", or \
"WORD modify NAME" where WORD tells side, degree or kind.
Use these names alone: {names}.
Images without an abnormal finding have an empty output.

Outputs of other studies, as examples of the form:
{examples}"""


class CodeBook(NamedTuple):
    """The closed vocabulary of the coders, and outputs that they filed often."""

    names: tuple[str, ...]
    outputs: tuple[str, ...]

    def write_question(self) -> str:
        """Return what a model is asked beside the images of a study."""
        return _TASK.format(names=", ".join(self.names), examples="\n".join(self.outputs))


@cache
def read_code_book() -> CodeBook:
    """Return names and examples of the training studies that nothing is chosen on.

    Raises:
        ArchiveError: Open-i is not installed.
    """
    coded = split_held_out(load_coded_studies("openi", "train"))[0]
    counts = Counter(write_all_codes(codes) for codes in coded.golds)
    several = ((output, n) for output, n in counts.items() if ";" in output)
    often = sorted(several, key=lambda pair: (-pair[1], pair[0]))[:EXAMPLES]
    return CodeBook(collect_vocabulary(coded), tuple(output for output, _ in often))
