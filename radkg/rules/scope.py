"""Which findings a sentence asserts, denies or doubts: one walk over its phrases.

A cue before a finding reaches to the end of its list ("no effusion, edema or mass"), a cue behind
it back to the start of its clause. "No change in the opacity" denies the change, not the opacity.
"""

from __future__ import annotations

from radkg.rules.lexicon import ANATOMY_KINDS, ENTITY_KINDS, Item

PRESENT, ABSENT, UNCERTAIN, HYPOTHETICAL = "DP", "DA", "U", "hypothetical"
NO_ABNORMALITY = "no abnormality"  # NAD: no abnormality detected

# Words that open a new statement when they follow a comma or an "and" inside a denied list:
# "no effusion, stable cardiomegaly". Words of size are no such sign: "no effusion or large mass".
_OPENS = frozenset(
    {"stable", "mild", "moderate", "severe", "persistent", "chronic", "borderline"}
    | {"increased", "decreased", "improved"}
)
_CLAUSE_ENDS = frozenset({"comma", "stop", "but", "with"})
_CUE_OF_ABSENCE = ("negated", "resolved")
_AFFIRMS = frozenset({"uncertain", "hedge", "suggests", "verb", "present", "normal"})


def find_polarities(items: list[Item]) -> list[str]:
    """Return one of the four polarities per item; what stands for a cue means nothing."""
    polarity = [PRESENT] * len(items)
    state, is_fresh = PRESENT, False  # fresh: the cue has met no finding yet
    is_questioned = False  # no evidence that ... has resolved
    for i, item in enumerate(items):
        kind = item.kind
        if kind in ENTITY_KINDS:
            polarity[i] = _mark(items, i, state)
            if kind == "change" and state == ABSENT and is_fresh and _takes_denial(items, i):
                state = PRESENT
            is_fresh = is_fresh and kind != "finding"
        elif kind in _CUE_OF_ABSENCE:
            if kind == "resolved" and is_questioned:
                continue
            elif not _reaches(items, i) or (kind == "resolved" and _follows_entity(items, i)):
                _mark_back(items, polarity, i, ABSENT)
            else:
                state, is_fresh = ABSENT, True
        elif kind == "unresolved":
            is_questioned = True
        elif kind in ("uncertain", "hedge", "suggests"):
            if state != ABSENT:
                if kind == "suggests" or _reaches(items, i):
                    state, is_fresh = UNCERTAIN, True
                else:  # "small effusions suspected"
                    _mark_back(items, polarity, i, UNCERTAIN)
        elif kind == "hypothetical":
            state = HYPOTHETICAL
        elif kind in ("stop", "but", "colon") or (
            kind == "release" and state == ABSENT and is_fresh
        ):
            state = PRESENT
        elif kind in ("comma", "and"):
            if state != PRESENT and _opens_statement(items, i):
                state = PRESENT
        elif kind == "with":
            if state == ABSENT and not is_fresh:
                state = PRESENT
        elif kind == "negated_before" and not is_questioned:
            _mark_back(items, polarity, i, ABSENT)
        elif kind == "uncertain_before":
            _mark_back(items, polarity, i, UNCERTAIN)
        elif kind == "hypothetical_before":
            _mark_back(items, polarity, i, HYPOTHETICAL)
    return polarity


def _mark(items: list[Item], i: int, state: str) -> str:
    """Return the polarity of an entity: a word of normality is denied by the word before alone."""
    item = items[i]
    if item.concept == NO_ABNORMALITY:
        return ABSENT
    if item.kind == "normal" and not (i and items[i - 1].kind == "negated" and state == ABSENT):
        return PRESENT
    return state


def _takes_denial(items: list[Item], i: int) -> bool:
    """Tell whether a noun of change is all that is denied: no CHANGE in the effusion."""
    return i + 1 == len(items) or items[i + 1].kind not in ENTITY_KINDS


def _follows_entity(items: list[Item], i: int) -> bool:
    """Tell whether an observation stands before the cue at `i` in the same clause."""
    for j in range(i - 1, -1, -1):
        if items[j].kind in _CLAUSE_ENDS or items[j].kind == "colon":
            return False
        if items[j].kind in ENTITY_KINDS and items[j].kind not in ANATOMY_KINDS:
            return True
    return False


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
        if kind in ("or", "versus") or (kind == "comma" and j == i + 1):
            return False
        if kind == "modifier" and items[j].concept in _OPENS:
            return True
        if kind in _AFFIRMS:
            return not any(items[k].kind == "finding" for k in range(i + 1, j)) or kind != "verb"
        if kind in ("comma", "stop", "but", "colon"):
            return False
    return False
