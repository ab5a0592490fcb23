"""Look at the visual tokens of a knowledge graph, and have some of them judged.

One page shows the tokens of one label, and a sheet of cases drawn over all labels, each label as
often as another where it has enough tokens. `radkg review score` scores the filled sheet.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from radkg.archive import open_archive
from radkg.errors import ArchiveError, ConfigError, SnapshotError
from radkg.knowledge.records import Knowledge
from radkg.knowledge.store import load_knowledge
from radkg.review.make import scale_image
from radkg.review.token_html import ShownToken, write_token_html
from radkg.run.run import Run
from radkg.run.settings import CONFIG
from radkg.run.studies import open_archive_of
from radkg.storage import LocalStorage

SHOWN_IMAGES = 24  # of the label
_GALLERY_SIDE, _CASE_SIDE = 320, 512  # px

Image = tuple[str, str]
"""study_id and image_id"""


@dataclass(frozen=True, kw_only=True)
class TokenPageSettings:
    """What a page shows."""

    label: str
    """finding whose tokens are shown"""
    images: str
    """where the archive's images are"""
    archive: str | None = None
    """its address; None: that of the run in which the knowledge graph stands"""
    cases: int = 50
    """of the sheet, at least 1; fewer where there are fewer tokens"""
    seed: int = 0
    """of the draw of the cases"""

    def __post_init__(self) -> None:
        if self.cases < 1:
            raise ConfigError(f"--cases is at least 1, not {self.cases}")


class TokenPage(NamedTuple):
    """The numbers of a page, and the problems with images."""

    file: str
    label: str
    tokens: int
    images: int
    cases: int
    problems: list[str]


def make_token_page(directory: Path, file: Path, settings: TokenPageSettings) -> TokenPage:
    """Write the page of a label's tokens; the same arguments give the same bytes.

    Args:
        directory: of the knowledge graph.
        file: HTML file to write.
        settings: what the page shows.

    Raises:
        ConfigError: the file has another ending, the graph has no token of the label, no image of
            its tokens is at hand, or the archive is not known.
        KnowledgeError: the graph is missing or damaged.
        ArchiveError: the archive or the place of the images is not there.
    """
    if file.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"no page as {file.name!r}: end it with .html")
    knowledge = load_knowledge(directory)
    rows = _list_rows(knowledge)
    labels = sorted({row["label"] for row in rows})
    if settings.label not in labels:
        known = f"known: {', '.join(labels)}" if labels else "build it with --images"
        raise ConfigError(f"{directory} has no visual token of {settings.label!r}: {known}")
    places = _locate_images(_read_index(directory, settings), rows)
    at_hand = [row for row in rows if _key(row) in places]
    own = [row for row in at_hand if row["label"] == settings.label]
    if not own:
        raise ConfigError(
            f"no image with a token of {settings.label!r} is below {settings.images}: check "
            "--images and --archive"
        )
    cases = draw_cases(at_hand, settings.cases, settings.seed)
    first = list(dict.fromkeys(map(_key, own)))[:SHOWN_IMAGES]
    problems: list[str] = []
    gallery = _scale(first, places, _GALLERY_SIDE, problems)
    shown = _scale(map(_key, cases), places, _CASE_SIDE, problems)
    facts = knowledge.facts
    html = write_token_html(
        file.stem,
        settings.label,
        {
            "tokens of the label": sum(row["label"] == settings.label for row in rows),
            "knowledge graph": facts["knowledge_id"],
            "snapshot": facts["snapshot_id"],
            "archive": facts["archive"],
            "labels from": facts["bank"]["labels_from"],
            "tower": facts["bank"]["tower_id"],
            "seed": settings.seed,
        },
        facts["knowledge_id"],
        [(gallery[key], [_show(row) for row in own if _key(row) == key]) for key in gallery],
        [(shown[_key(row)], _show(row)) for row in cases if _key(row) in shown],
    )
    LocalStorage(file.resolve().parent).write(file.name, html.encode())
    num_cases = sum(_key(row) in shown for row in cases)
    return TokenPage(str(file), settings.label, len(own), len(gallery), num_cases, problems)


def draw_cases(rows: Sequence[Mapping[str, Any]], number: int, seed: int) -> list[dict[str, Any]]:
    """Return tokens drawn over all labels, in turn, then shuffled; all where there are fewer."""
    rng = random.Random(seed)
    by_label: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_label[row["label"]].append(dict(row))
    labels = sorted(by_label)
    rng.shuffle(labels)
    for label in labels:
        rng.shuffle(by_label[label])
    longest = max(map(len, by_label.values()), default=0)
    turns = [by_label[label][i : i + 1] for i in range(longest) for label in labels]
    drawn = [row for turn in turns for row in turn][:number]
    rng.shuffle(drawn)
    return drawn


def _list_rows(knowledge: Knowledge) -> list[dict[str, Any]]:
    """Return the tokens without their vectors, numbered by their rows in the bank from 1."""
    if knowledge.bank is None:
        return []
    rows = knowledge.bank.drop_columns(["token"]).to_pylist()
    return [{**row, "token": number} for number, row in enumerate(rows, 1)]


def _read_index(directory: Path, settings: TokenPageSettings) -> pa.Table:
    """Return the index of the archive, with the ids of the run in which the graph stands."""
    storage = Run(str(directory.resolve().parent)).storage
    if settings.archive and not storage.exists(CONFIG):
        return open_archive(settings.archive, settings.images).index()
    try:
        return open_archive_of(storage, settings.archive, settings.images)[1]
    except SnapshotError as error:
        raise ConfigError(
            f"{directory} does not stand in a run: name the archive with --archive"
        ) from error


def _locate_images(index: pa.Table, rows: Iterable[Mapping[str, Any]]) -> dict[Image, str]:
    wanted = {_key(row) for row in rows}
    return {
        (record["study_id"], image["image_id"]): image["location"]
        for record in index.to_pylist()
        for image in record["images"]
        if image["location"] and (record["study_id"], image["image_id"]) in wanted
    }


def _scale(
    keys: Iterable[Image], places: Mapping[Image, str], side: int, problems: list[str]
) -> dict[Image, bytes]:
    """Return the readable images as JPEG, scaled down."""
    shown = {}
    for key in dict.fromkeys(keys):
        try:
            shown[key] = scale_image(places[key], side)
        except ArchiveError as error:
            problems.append(str(error))
    return shown


def _key(row: Mapping[str, Any]) -> Image:
    return row["study_id"], row["image_id"]


def _show(row: Mapping[str, Any]) -> ShownToken:
    return ShownToken(
        number=row["token"],
        study_id=row["study_id"],
        image_id=row["image_id"],
        label=row["label"],
        box=tuple(row["box"]),
        activation=row["activation"],
    )
