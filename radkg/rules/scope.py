"""Which findings a sentence asserts, denies or doubts: one walk over its phrases.

A cue before a finding reaches to the end of its list ("no effusion, edema or mass"), a cue behind
it back to the start of its clause. "No change in the opacity" denies the change, not the opacity.
"""

from __future__ import annotations

from radkg.rules.lexicon import ENTITY_KINDS, Item

PRESENT, ABSENT, UNCERTAIN, HYPOTHETICAL = "DP", "DA", "U", "hypothetical"

# Words that open a new statement when they follow a comma or an "and" inside a denied list:
# "no effusion, stable cardiomegaly". Words of size are no such sign: "no effusion or large mass".
_OPENS = frozenset(
    {"stable", "mild", "moderate", "severe", "persistent", "chronic", "borderline"}
    | {"increased", "decreased", "improved"}
)
_CLAUSE_ENDS = frozenset({"comma", "stop", "with"})
_AFFIRMS = frozenset({"uncertain", "hedge", "suggests", "verb", "normal"})


def polarities(items: list[Item]) -> list[str]:
    """Return one of the four polarities per item; what stands for a cue means nothing."""
    polarity = [PRESENT] * len(items)
    state, is_fresh = PRESENT, False  # fresh: the cue has met no finding yet
    for i, item in enumerate(items):
        kind = item.kind
        if kind in ENTITY_KINDS:
            if kind == "normal":
                denied = i > 0 and items[i - 1].kind == "negated" and state == ABSENT
                polarity[i] = ABSENT if denied else PRESENT
            else:
                polarity[i] = state
                is_fresh = is_fresh and kind != "finding"
        elif kind == "negated":
            state, is_fresh = ABSENT, True
        elif kind in ("uncertain", "hedge", "suggests"):
            if state != ABSENT:
                state, is_fresh = UNCERTAIN, True
                if kind == "uncertain" and not _reaches(items, i):  # "small effusions suspected"
                    _mark_back(items, polarity, i, UNCERTAIN)
        elif kind == "hypothetical":
            state = HYPOTHETICAL
        elif kind == "stop" or (kind == "release" and state == ABSENT and is_fresh):
            state = PRESENT
        elif kind in ("comma", "and"):
            if state != PRESENT and _opens_statement(items, i):
                state = PRESENT
        elif kind == "with":
            if state == ABSENT and not is_fresh:
                state = PRESENT
        elif kind == "negated_before":
            _mark_back(items, polarity, i, ABSENT)
        elif kind == "uncertain_before":
            _mark_back(items, polarity, i, UNCERTAIN)
    return polarity


def _reaches(items: list[Item], i: int) -> bool:
    """Tell whether an entity follows the cue at `i` before its clause ends."""
    for j in range(i + 1, len(items)):
        if items[j].kind in ENTITY_KINDS:
            return True
        if items[j].kind in _CLAUSE_ENDS:
            return False
    return False


def _mark_back(items: list[Item], polarity: list[str], i: int, mark: str) -> None:
    for j in range(i - 1, -1, -1):
        if items[j].kind in _CLAUSE_ENDS:
            return
        if polarity[j] == PRESENT and items[j].kind != "normal":
            polarity[j] = mark


def _opens_statement(items: list[Item], i: int) -> bool:
    """Tell whether what follows the comma or "and" at `i` is a statement of its own."""
    for j in range(i + 1, len(items)):
        kind = items[j].kind
        if kind == "or" or (kind == "comma" and j == i + 1):
            return False
        if kind == "modifier" and items[j].concept in _OPENS:
            return True
        if kind in _AFFIRMS:
            return not any(items[k].kind == "finding" for k in range(i + 1, j)) or kind != "verb"
        if kind in ("comma", "stop"):
            return False
    return False
