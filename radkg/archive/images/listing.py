"""The images of `--images`: listed once, by name and location, never opened.

A place is a container (zip, tar, tar.gz), a directory or prefix that holds containers, or a prefix
of loose objects. In a local directory each format finds the loose files itself, by the names that
it expects. An image that cannot be read is listed with its problem. Of two members of one name the
last one counts, as unpacking would leave it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from radkg.archive.files.located import MAX_IMAGE_BYTES, format_member_location, is_loose
from radkg.archive.files.members import escape_name
from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import Place, S3Path, list_children, open_place
from radkg.archive.files.streams import open_binary
from radkg.archive.files.tarred import (
    HEADERS,
    TAR_DAMAGE,
    check_end,
    check_tar_member,
    is_tar,
    list_tar_members,
    open_tar,
)
from radkg.archive.files.zipped import check_size, is_zip, list_zip_members
from radkg.errors import ArchiveError

logger = logging.getLogger(__name__)

_CONTAINERS = (".zip", ".tar", ".tar.gz", ".tgz")
_LISTED_AT_ONCE = 8  # containers on S3: to list a tar is to wait for one header after another


class ImageFile(NamedTuple):
    """A file that may be an image."""

    name: str  # below its place, or in its container
    location: str | None  # None where it has a problem
    stamp: object  # stands for its bytes in a fingerprint: to hash them would take too long
    problem: str | None = None


def open_image_place(images: str | None) -> Place | None:
    """Return the place that a user named for images; None where none was named.

    Raises:
        ArchiveError: nothing is there, or it is no directory and no container.
    """
    if images is None:
        return None
    path = open_place(images)
    if not path.exists():
        raise ArchiveError(f"no directory of images at {images}: check --images")
    if not is_loose(str(path / "x")):
        raise ArchiveError(f"{images} is named as a member of a container: rename it")
    if not path.is_dir() and not (path.is_file() and (is_zip(path) or is_tar(path))):
        raise ArchiveError(f"{images} is no directory, zip or tar of images: check --images")
    return path


def list_containers(path: Place) -> list[Place]:
    """Return the containers at a place: the place itself, or those directly below it, by name."""
    if not path.is_dir():
        return [path]
    return [file for file in list_children(path) if _is_container(file.name) and file.is_file()]


def list_image_files(path: Place) -> Iterator[ImageFile]:
    """Yield the members of every container at a place, and before them the objects of a prefix.

    Raises:
        ArchiveError: a container is damaged, or a place cannot be read.
    """
    refused: list[ImageFile] = []
    for file in _all(path):
        if file.problem:
            refused.append(file)
        yield file
    if refused:
        first = refused[0]
        logger.warning(
            "images=%s %d of its files cannot be used; the first is %s: %s",
            *(path, len(refused), sanitize(first.name), first.problem),
        )


def _all(path: Place) -> Iterator[ImageFile]:
    try:
        if isinstance(path, Path):
            for file in list_containers(path):
                yield from _members(file)
            return
        if path.is_dir():
            found = path.find()
            held = [p for p in found if _is_container(p.name) and p.parent == path]
            packed = set(held)
            yield from (_loose(path, p) for p in found if p not in packed)
        else:
            held = [path]
        with ThreadPoolExecutor(_LISTED_AT_ONCE) as threads:
            for listed in threads.map(lambda file: list(_members(file)), held):
                yield from listed
    except OSError as error:
        where = error.filename or path
        raise ArchiveError(f"cannot list {where}: {error.strerror or error}") from error


def _is_container(name: str) -> bool:
    """Tell by its name whether a file is a container of images; MIMIC's packed reports are not."""
    return name.lower().endswith(_CONTAINERS) and not name.startswith("mimic-cxr-reports.")


def _loose(path: S3Path, file: S3Path) -> ImageFile:
    name, status = str(file.relative_to(path)), file.stat()
    if not is_loose(file.uri):
        return ImageFile(
            name, None, "name", "its name is that of a member of a container: rename it"
        )
    if problem := check_size(status.st_size, MAX_IMAGE_BYTES):
        return ImageFile(name, None, status.st_size, problem)
    return ImageFile(name, file.uri, (status.st_size, status.etag))


def _members(path: Place) -> Iterator[ImageFile]:
    if is_zip(path):
        for name, offset, size, crc, problem in list_zip_members(path, MAX_IMAGE_BYTES):
            if not name.endswith("/"):
                yield _member(path, name, (offset, size), (crc, size), problem)
        return
    count = 0
    try:
        with (
            open_binary(path, HEADERS) as stream,
            open_tar(stream) as tar,
        ):
            for member in list_tar_members(tar):
                count += 1
                if member.isdir():
                    continue
                problem = check_tar_member(member, MAX_IMAGE_BYTES)
                place, seen = (member.offset_data, member.size), (member.size, int(member.mtime))
                yield _member(path, member.name, place, seen, problem)
            check_end(tar, stream)
    except TAR_DAMAGE as error:
        raise ArchiveError(
            f"{path} is damaged after {count} images: {sanitize(error)}: fetch it again"
        ) from error


def _member(
    path: Place, name: str, place: tuple[int, int], seen: object, problem: str | None
) -> ImageFile:
    name = escape_name(name)
    if problem:
        return ImageFile(name, None, problem, problem)
    return ImageFile(name, format_member_location(path, *place, name), seen)
