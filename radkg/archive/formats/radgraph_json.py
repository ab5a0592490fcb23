"""Reports out of RadGraph JSON: a file of documents, or a folder of such files.

Layout: {doc_key: {"text", ...}} (Jain et al., NeurIPS 2021), or a list of such objects as
RadGraph-XL has it. Only texts are read, whatever labels stand beside them and however; blanks that
radkg's own export put into a text are taken out again. It knows no patients, dates or images.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar, Self

from radkg.archive.base import DUPLICATE_ID, Archive, NearRefusal, Record, build_study
from radkg.archive.entries import REPORT_ALONE, FingerprintOrder, StudyEntry
from radkg.archive.files.members import digest, list_files, read_member
from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import Place, open_place, parse_place
from radkg.archive.formats.headings import HEADINGS_VERSION, find_headed_sections
from radkg.archive.formats.rows import check_is_file
from radkg.errors import ArchiveError, SchemaError
from radkg.schema.radgraph import get_report
from radkg.schema.records import Study, Unreadable

SUFFIX = ".json"
_BEGINNING = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{')
_BLANKS = " \t\r\n"


@dataclass(frozen=True)
class RadGraphReports(Archive):
    """The texts of RadGraph documents."""

    path: Place
    uri: str
    name: str = "radgraph"

    takes: ClassVar[str] = "a .json file, or a directory of .json files"
    reading_version: ClassVar[str | None] = HEADINGS_VERSION
    fingerprint_order: ClassVar[FingerprintOrder] = REPORT_ALONE

    @classmethod
    def recognise(cls, uri: str, images: str | None = None) -> Self | str:
        """Return the reports for a .json file or a folder with one that begins so; else why not."""
        path = open_place(uri)
        try:
            found = _files(path)
            if not found:
                return "neither a .json file nor a directory that holds one"
            with found[0].open("rb") as file:
                head = file.read(1 << 16)
                if not _BEGINNING.match(head) or b'"text"' not in head:
                    why = f"{found[0].name} does not begin with a document that has a text"
                    return NearRefusal(why) if found[0] == path else why
        except OSError as error:
            return f"{error.filename or path}: {error.strerror}"
        if images is not None:
            raise ArchiveError("RadGraph JSON names no images: leave --images out")
        return cls(path, str(path))

    def list_studies(self) -> Iterator[StudyEntry]:
        """Yield one entry per document, in the order of the files.

        Raises:
            ArchiveError: a file is no JSON, or holds no objects of documents.
        """
        seen: Counter[str] = Counter()
        ids: set[str] = set()
        for path in _files(self.path):
            for key, offset, data, document in _documents(path):
                study_id, problem = key, _problem(key, document)
                study_id = study_id.encode(errors="backslashreplace").decode()
                seen[study_id] += 1
                if study_id in ids:  # stays a row, which read() refuses: no study vanishes
                    problem = DUPLICATE_ID
                    numbered = (f"{study_id}#{n}" for n in count(seen[study_id]))
                    study_id = next(i for i in numbered if i not in ids)
                ids.add(study_id)
                yield StudyEntry(
                    study_id=study_id,
                    source=str(path),
                    member=f"document {study_id}",
                    offset=offset,
                    length=len(data),
                    content=digest(data),
                    report_identity=b"" if problem else get_report(document).encode(),
                    problem=problem,
                )
        if not ids:
            raise ArchiveError(f"{self.path} holds no document: is this RadGraph JSON?")

    def read(self, records: Iterable[Record]) -> Iterator[Study | Unreadable]:
        """Yield one Study or Unreadable per record."""
        for record in records:
            if record["problem"]:
                yield Unreadable(record, record["problem"])
                continue
            report = get_report(json.loads(read_member(parse_place(record["source"]), record)))
            yield build_study(record, report, find_headed_sections(report))


def _files(path: Place) -> list[Place]:
    """Return the .json files of a path, one or those of a directory, hidden ones left out."""
    if path.is_dir():
        found = list_files(path, SUFFIX, below=False)
        return [file for file in found if file.is_file() and not file.name.startswith(".")]
    return [path] if path.name.lower().endswith(SUFFIX) and not check_is_file(path) else []


def _problem(key: str, document: Any) -> str | None:
    try:
        (key + get_report(document)).encode()
    except SchemaError as error:
        return str(error)
    except UnicodeEncodeError:
        return "its key or text is not UTF-8: export it again"
    return None


def _documents(path: Place) -> Iterator[tuple[str, int, bytes, Any]]:
    """Yield key, place in bytes, bytes and value of every document of a file."""
    decoder = json.JSONDecoder()
    try:
        data = path.read_bytes()
        text = data.decode("utf-8")
        bytes_before, at = 0, 0
        for key, start, end, document in _values(decoder, text):
            bytes_before, at = bytes_before + len(text[at:start].encode()), start
            yield key, bytes_before, text[start:end].encode(), document
    except OSError as error:
        raise ArchiveError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{path} is not UTF-8 at byte {error.start}: export it again") from error
    except json.JSONDecodeError as error:
        raise ArchiveError(f"{path}, line {error.lineno}: {error.msg}: export it again") from error
    except (ValueError, RecursionError) as error:  # a number without end, brackets without end
        raise ArchiveError(f"{path} is no JSON: {sanitize(error)}: export it again") from error


def _values(decoder: json.JSONDecoder, text: str) -> Iterator[tuple[str, int, int, Any]]:
    """Yield key, start, end (characters) and value of each document, of a list of objects too."""
    at = _skip(text, int(text.startswith("\ufeff")))
    is_list = text[at : at + 1] == "["
    at = _skip(text, at + is_list)
    while not (is_list and text[at : at + 1] == "]"):
        at = _skip(text, _expect(text, at, "{"))
        while text[at : at + 1] != "}":
            if text[at : at + 1] != '"':
                raise json.JSONDecodeError("a key is expected", text, at)
            key, at = decoder.raw_decode(text, at)
            start = _skip(text, _expect(text, _skip(text, at), ":"))
            value, end = decoder.raw_decode(text, start)
            yield key, start, end, value
            at = _next(text, end, "}")
        at = _skip(text, at + 1)
        if not is_list:
            break
        at = _next(text, at, "]")
    at = _skip(text, at + is_list)
    if at != len(text):
        raise json.JSONDecodeError("the file goes on behind its documents", text, at)


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _BLANKS:
        at += 1
    return at


def _expect(text: str, at: int, what: str) -> int:
    if text[at : at + 1] != what:
        raise json.JSONDecodeError(f"{what} is expected", text, at)
    return at + 1


def _next(text: str, at: int, last: str) -> int:
    """Return where the next item begins, behind a comma, or where `last` stands."""
    at = _skip(text, at)
    return at if text[at : at + 1] == last else _skip(text, _expect(text, at, ","))
