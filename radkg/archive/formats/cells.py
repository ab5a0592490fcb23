"""What stands in the cells of a table: columns by name, typed values as text, lists of images.

Nothing that a cell holds is guessed or dropped: what cannot be read is a `CellError`, which becomes
the reason of the row. A reason never holds what stands in a cell: columns may be mixed up.
"""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".dcm")  # in the order in which one is chosen
_EXACT = 2**53  # a float holds every whole number up to here, and not every one above
_SEPARATORS = (";", "|", "\n")  # of several images in one cell, and of their view positions
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_QUOTED_LIST = re.compile(rf"\[\s*(?:(?:{_QUOTED})\s*,?\s*)*\]", re.DOTALL)
ImagePairs = list[tuple[str, str | None]]


class CellError(Exception):
    """Why a cell cannot be read, as the reason of its row."""


@functools.lru_cache(maxsize=4096)
def name_column(written: str) -> str:
    """Return the name that a column goes by: `Study ID` and `STUDY_ID` are `study_id`."""
    return re.sub(r"[\s_-]+", "_", written.strip().strip("\ufeff\"'").strip().lower())


def convert_to_text(value: Any) -> Any:
    """Return a value of a typed table as text, a list as texts, what is missing as empty text.

    Whole numbers have no point, whatever type held them: a column of ids with a missing one is a
    column of floats to pandas. An object, and a float that has lost digits, stay as they are: the
    caller that needs text refuses them.
    """
    if isinstance(value, str):
        return value
    if value is None or value != value:  # NaN and NaT differ from themselves
        return ""
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    if isinstance(value, list | tuple):
        return [convert_to_text(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        if abs(value) > _EXACT:
            return value
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, Decimal):
        return _write_decimal(value)
    return str(value) if isinstance(value, int | UUID) else value


def read_text(row: Mapping[str, Any], column: str) -> str:
    """Return the text of a cell without the blanks around, empty where there is none.

    Raises:
        CellError: the cell holds an object or a list, or a float that has lost digits.
    """
    value = row.get(column, "")
    if isinstance(value, float):
        raise CellError(f"{column} is a float above 2**53, which loses digits: write it as text")
    if not isinstance(value, str):
        kind = "a list" if isinstance(value, list) else "an object"
        raise CellError(f"{column} is {kind} and no text: give one value")
    return value.strip()


def read_image_cells(images: Any, views: Any) -> tuple[ImagePairs, list[str]]:
    """Return (image, view position) of each image of a row, and the positions of the study itself.

    Images and positions are listed with `;` between, as a list, or as the text of a list; an empty
    position between two `;` is unknown. Where a row names no image, the positions are the study's.

    Raises:
        CellError: a cell is no list, or the positions are not one for each image.
    """
    paths = _split(images, "images")
    names = [name for name in paths if name]
    positions = _split(views, "view_position")
    if len(positions) == 1 < len(names) == len(apart := positions[0].split(",")):
        positions = [part.strip() for part in apart]
    known = [view for view in positions if view]
    if not names:
        return [], known
    if not known:
        return [(name, None) for name in names], []
    if len(paths) == len(positions):
        pairs = list(zip(paths, positions, strict=True))
    elif len(names) in (len(positions), len(known)):
        matching = positions if len(names) == len(positions) else known
        pairs = list(zip(names, matching, strict=True))
    else:
        pairs = []
    if not pairs or any(view and not name for name, view in pairs):
        raise CellError(f"{len(known)} view positions for {len(names)} images: give one for each")
    return [(name, view or None) for name, view in pairs if name], []


def list_file_names(image: str) -> tuple[str, ...]:
    """Return the names under which the file of an image may stand below `--images`.

    First the name as the table has it, then with the slashes of other systems than Windows, then,
    where the name has no ending of an image, with each of IMAGE_SUFFIXES.
    """
    names = [image]
    if "\\" in image:
        names.append(re.sub(r"/+", "/", image.replace("\\", "/")))
    if PurePosixPath(names[-1]).suffix.lower() not in IMAGE_SUFFIXES:
        names += [f"{name}{suffix}" for name in names for suffix in IMAGE_SUFFIXES]
    return tuple(names)


def _write_decimal(value: Decimal) -> str:
    if not value.is_finite():
        return "" if value.is_nan() else str(value)
    digits = f"{value:f}"
    return (digits.rstrip("0").rstrip(".") or "0") if "." in digits else digits


def _split(cell: Any, column: str) -> list[str]:
    """Return the parts of a cell, blank ones as empty text."""
    if isinstance(cell, str):
        return _split_text(cell.strip(), column)
    if not isinstance(cell, list) or not all(isinstance(part, str) for part in cell):
        raise CellError(f"{column} holds an object: give a path, or several with ; between")
    return [part.strip() for text in cell for part in text.split(";")]


def _split_text(cell: str, column: str) -> list[str]:
    if cell[:1] + cell[-1:] in ("[]", "{}", "()"):
        return _read_list(cell, column)
    separator = next((one for one in _SEPARATORS if one in cell), None)
    parts = [part.strip() for part in cell.split(separator)] if separator else [cell]
    if not separator and "," in cell:  # a name may hold a comma: all parts must end as images do
        apart = [part.strip() for part in cell.split(",")]
        if all(PurePosixPath(part).suffix.lower() in IMAGE_SUFFIXES for part in apart):
            parts = apart
    return [part.strip("\"'").strip() if len(parts) > 1 else part for part in parts]


def _read_list(cell: str, column: str) -> list[str]:
    """Return the items of a list that was written as text: by JSON, Python, numpy or Postgres."""
    if cell[0] == "[":
        for read in (json.loads, _read_literal):
            try:
                items = read(cell)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(items, list) and all(isinstance(i, str | None) for i in items):
                return [(item or "").strip() for item in items]
            raise CellError(f"{column} is a list of other things than paths")
    inner = cell[1:-1].strip()
    if any(mark in inner for mark in "[]{}()\"'"):
        raise CellError(f"{column} is no list of paths: give them with ; between")
    return [part.strip() for part in re.split(r"[,;]", inner)] if inner else []


def _read_literal(cell: str) -> list[str]:
    """Return the items of a list with quotes; numpy writes no comma between them."""
    if not _QUOTED_LIST.fullmatch(cell):
        raise ValueError("no list of texts in quotes")
    return [ast.literal_eval(item) for item in re.findall(_QUOTED, cell, re.DOTALL)]
