"""Triplets as text and back: what the language model writes, and the published forms.

The model writes items, one per head, in the order of the heads:

    copy    small + modify effusion + ; left @ modify pleural @ ; effusion + located_at pleural @
    codes   effusion located_at pleura ; left modify pleura ; cardiomegaly

In `copy` an entity is a run of the sentence's words, lower-cased, punctuation left out, and its
mark is its label: @ ANAT-DP, + OBS-DP, ? OBS-U, - OBS-DA. Every end carries its mark, so each item
stands alone; an entity without a relation is an item of its own. In `codes` an entity is a name of
a closed vocabulary. The empty text states nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast, get_args

from radkg.schema.records import RELATIONS, Label, RelationType
from radkg.schema.sentences import find_words, is_entity_word

Target = Literal["copy", "codes"]
Form = Literal["list", "plain"]
TARGETS: tuple[Target, ...] = get_args(Target)

MARKS: dict[Label, str] = {"ANAT-DP": "@", "OBS-DP": "+", "OBS-U": "?", "OBS-DA": "-"}
LABEL_OF = {mark: label for label, mark in MARKS.items()}
BETWEEN = " ; "

Span = tuple[int, int, Label]  # start and end in the sentence, label
Link = tuple[int, int, RelationType]  # head, tail (indices of spans), relation
Triplet = tuple[str, str, str]
_Mention = tuple[int, int, bool, bool]  # first and last word, second of its span, is anatomy

_LIST = re.compile(r"\[\s*'(.+?)'\s*,\s*'(" + "|".join(RELATIONS) + r")'\s*,\s*'(.+?)'\s*\]")


class Node(NamedTuple):
    """One end: its words, and its label (None in `codes`, where the name has one)."""

    words: tuple[str, ...]
    label: Label | None


class Item(NamedTuple):
    """A head and what it is related to; no links where it stands alone."""

    head: Node
    links: tuple[tuple[RelationType, Node], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sentence states; a confidence in [0, 1] for each span and each link."""

    spans: tuple[Span, ...] = ()
    links: tuple[Link, ...] = ()
    span_confidences: tuple[float, ...] = ()
    link_confidences: tuple[float, ...] = ()


def split_words(sentence: str) -> list[tuple[str, int, int]]:
    """Return the words of a sentence without punctuation: lower-cased, start, end."""
    return [word for word in find_words(sentence) if is_entity_word(word[0])]


def make_items(sentence: str, spans: Sequence[Span], links: Iterable[Link]) -> list[Item]:
    """Return the items that state the spans and links of a sentence.

    Raises:
        ValueError: a span is no run of words.
    """
    found = split_words(sentence)
    starts = {start: i for i, (_, start, _) in enumerate(found)}
    ends = {end: i + 1 for i, (_, _, end) in enumerate(found)}
    nodes = []
    for start, end, label in spans:
        if start not in starts or end not in ends:
            raise ValueError(f"{sentence[start:end]!r} is no run of words")
        nodes.append(Node(tuple(w for w, _, _ in found[starts[start] : ends[end]]), label))
    tails: dict[int, list[tuple[RelationType, int]]] = {}
    for head, tail, relation in links:
        tails.setdefault(head, []).append((relation, tail))
    named = {tail for pairs in tails.values() for _, tail in pairs}
    order = sorted(
        (i for i in range(len(nodes)) if i in tails or i not in named), key=lambda i: spans[i][:2]
    )
    return [
        Item(
            nodes[i],
            tuple((r, nodes[t]) for r, t in sorted(tails.get(i, ()), key=lambda p: spans[p[1]][0])),
        )
        for i in order
    ]


def ground(sentence: str, items: Sequence[Item]) -> tuple[list[Span], list[Link], list[int]]:
    """Return the spans and links that items state, and for each span its item.

    That is the item whose head it is, or the first that names it.

    A head is the first occurrence of its words after the head before, a tail the occurrence nearest
    to its head. A word related to itself holds two mentions ("bibasilar": a side, then a site).
    Where two items give one span different observation labels the first stands.

    Raises:
        ValueError: the words of an item are no run of the sentence's words.
    """
    found = split_words(sentence)
    labels: dict[_Mention, Label] = {}
    first: dict[_Mention, int] = {}
    links: dict[tuple[_Mention, _Mention, RelationType], None] = {}
    double = {(head.words, head.label) for head, tails in items if any(t == head for _, t in tails)}

    def name(place: tuple[int, int], node: Node, number: int, is_tail: bool) -> _Mention:
        if node.label is None:
            raise ValueError(f"{' '.join(node.words)!r} has no label")
        second = is_tail and (node.words, node.label) in double
        mention = (*place, second, node.label == "ANAT-DP")
        labels.setdefault(mention, node.label)
        if not is_tail or mention not in first:  # its own item, where it has one
            first[mention] = number
        return mention

    here = (-1, -1)
    for number, (head, tails) in enumerate(items):
        places = _places(found, head)
        here = next((p for p in places if p > here), places[0])
        one = name(here, head, number, is_tail=False)
        for relation, tail in tails:
            # nearest, the later one where two are equally near
            there = min(_places(found, tail), key=lambda p: (_gap(here, p), p[0] < here[0]))
            other = name(there, tail, number, is_tail=True)
            if other != one:
                links[one, other, relation] = None
    order = sorted(labels)
    index = {mention: i for i, mention in enumerate(order)}
    return (
        [(found[m[0]][1], found[m[1] - 1][2], labels[m]) for m in order],
        [(index[head], index[tail], relation) for head, tail, relation in links],
        [first[mention] for mention in order],
    )


def write(items: Iterable[Item]) -> str:
    """Return the items as the language model writes them."""
    return BETWEEN.join(
        " ".join([_node(item.head), *(f"{r} {_node(tail)}" for r, tail in item.links)])
        for item in items
    )


def parse(text: str, target: Target) -> list[Item]:
    """Return the items of a text that the model wrote.

    Raises:
        ValueError: the text is not of that form; the message shows the item.
    """
    return [_item(part, target) for part in text.strip().split(BETWEEN)] if text.strip() else []


def make_coded_items(triplets: Iterable[Triplet], names: Iterable[str]) -> list[Item]:
    """Return coded triplets, and the names that stand in none, as sorted items.

    Each triplet is an item of its own, so that each has its own confidence.
    """
    coded = set(triplets)
    used = {end for head, _, tail in coded for end in (head, tail)}
    items = [
        Item(_coded(head), ((cast(RelationType, r), _coded(tail)),)) for head, r, tail in coded
    ]
    items += [Item(_coded(name), ()) for name in set(names) - used]
    return sorted(items, key=lambda item: write([item]))


def list_triplets(items: Iterable[Item]) -> list[Triplet]:
    """Return (head, relation, tail) of every link, in order."""
    return [
        (" ".join(item.head.words), relation, " ".join(tail.words))
        for item in items
        for relation, tail in item.links
    ]


def write_triplets(triplets: Iterable[Triplet], form: Form = "list") -> str:
    """Return triplets as `[['a', 'modify', 'b'], ...]` or as `a modify b; ...`.

    Sources: VLM-KG (arXiv 2505.17042) for the list, KG-LLaVA for the plain form.
    """
    if form == "plain":
        return "; ".join(" ".join(triplet) for triplet in triplets)
    quoted = (", ".join(f"'{part}'" for part in triplet) for triplet in triplets)
    return "[" + ", ".join(f"[{parts}]" for parts in quoted) + "]"


def parse_triplets(text: str, form: Form = "list") -> list[Triplet]:
    """Return the triplets of a text in a published form; what is malformed is left out."""
    if form == "list":
        return [(head, relation, tail) for head, relation, tail in _LIST.findall(text)]
    plain = re.compile(r"^\s*(\S.*?) (" + "|".join(RELATIONS) + r") (.*\S)\s*$")
    found = (plain.match(part) for part in text.split(";"))
    return [(m[1], m[2], m[3]) for m in found if m]


def _coded(name: str) -> Node:
    return Node(tuple(name.split()), None)


def _node(node: Node) -> str:
    name = " ".join(node.words)
    return name if node.label is None else f"{name} {MARKS[node.label]}"


def _item(text: str, target: Target) -> Item:
    nodes: list[Node] = []
    relations: list[RelationType] = []
    now: list[str] = []
    ended = False  # whether the entity at hand has its mark
    for token in text.split():
        if ";" in token:
            raise ValueError(f"{text!r}: {token!r} does not stand between two items")
        # in `copy` a relation only follows a mark: the word "modify" of a report is a word
        if token in RELATIONS and now and (ended or target == "codes"):
            nodes.append(_closed(now, ended, target, text))
            relations.append(token)
            now, ended = [], False
        elif token in LABEL_OF and target == "copy" and now and not ended:
            now.append(token)
            ended = True
        elif ended:
            raise ValueError(f"{text!r}: {token!r} after a label")
        else:
            now.append(token)
    nodes.append(_closed(now, ended, target, text))
    return Item(nodes[0], tuple(zip(relations, nodes[1:], strict=True)))


def _closed(now: list[str], ended: bool, target: Target, text: str) -> Node:
    if not now:
        raise ValueError(f"{text!r}: an end without words")
    if target == "codes":
        return Node(tuple(now), None)
    if not ended:
        raise ValueError(f"{text!r}: {' '.join(now)!r} without a label")
    return Node(tuple(now[:-1]), LABEL_OF[now[-1]])


def _places(found: Sequence[tuple[str, int, int]], node: Node) -> list[tuple[int, int]]:
    size = len(node.words)
    places = [
        (i, i + size)
        for i in range(len(found) - size + 1)
        if tuple(w for w, _, _ in found[i : i + size]) == node.words
    ]
    if not places:
        raise ValueError(f"{' '.join(node.words)!r} is no run of the sentence's words")
    return places


def _gap(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(other[0] - one[1], one[0] - other[1])
