"""The images of MIMIC-CXR(-JPG) by study: p10/p10000032/s50414267/<dicom_id>.jpg, .png or .dcm.

In a tree, in a zip or tar, in several of them (one for each of p10, p11, ...), or below a prefix:
one pass over the place finds them all. The last folders of a name give patient and study.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from radkg.archive.files.places import Place
from radkg.archive.images.listing import list_containers, list_image_files, open_image_place
from radkg.errors import ArchiveError


class RankedImage(NamedTuple):
    """A file of an image; of several files of one image that with the lowest rank counts."""

    location: str | None  # None where the file cannot be used
    stamp: object  # stands for its bytes in a fingerprint
    rank: int


ImagesByStudy = dict[
    tuple[str, str], dict[str, RankedImage]
]  # by patient and study, then by dicom_id

_GROUP, _PATIENT, _STUDY = (re.compile(p, re.ASCII) for p in (r"p\d\d", r"p\d{8}", r"s\d{8}"))
_FILE = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{8}){4})\.(jpg|png|dcm)")
_NAME = re.compile(rf"(?:^|/)p(\d{{8}})/s(\d{{8}})/{_FILE.pattern}\Z", re.ASCII)
_PREFERRED = ("jpg", "png", "dcm")  # of one image in several formats: the one that decodes fastest


def find_image_root(images: str | None) -> Place | None:
    """Return the place of MIMIC's images: a container, or a directory of p10, ... or containers.

    Raises:
        ArchiveError: the directory holds neither. A container is only opened by `list_studies`.
    """
    path = open_image_place(images)
    if path is None or not path.is_dir():
        return path
    for tree in (path / "files", path):
        if tree.is_dir() and (
            any(_GROUP.fullmatch(folder.name) for folder in tree.iterdir()) or list_containers(tree)
        ):
            return tree
    raise ArchiveError(
        f"no images such as p10/p10000032/s50414267/<dicom_id>.jpg in {images}: check --images"
    )


def list_images_by_study(root: Place) -> ImagesByStudy:
    """Return every image at a place.

    Raises:
        ArchiveError: a folder cannot be listed, or a container is damaged.
    """
    found: ImagesByStudy = {}
    for study, dicom_id, kind, location, stamp in _all(root):
        rank = _PREFERRED.index(kind) + (len(_PREFERRED) if location is None else 0)
        files = found.setdefault(study, {})
        if dicom_id not in files or rank <= files[dicom_id].rank:
            files[dicom_id] = RankedImage(location, stamp, rank)
    return found


_Found = tuple[tuple[str, str], str, str, str | None, object]


def _all(root: Place) -> Iterator[_Found]:
    """Yield (patient, study), dicom_id, kind, location, and a stamp for the bytes."""
    if isinstance(root, Path) and root.is_dir():
        try:
            yield from _tree(root)
        except OSError as error:
            raise ArchiveError(f"cannot list {error.filename}: {error.strerror}") from error
    for file in list_image_files(root):
        if match := _NAME.search(file.name):
            yield (match[1], match[2]), match[3], match[4], file.location, file.stamp


def _tree(root: Path) -> Iterator[_Found]:
    """Yield the files of a local tree; links are followed, for it has three levels and no more."""
    for group in _folders(str(root), _GROUP):
        for patient in _folders(group.path, _PATIENT):
            for study in _folders(patient.path, _STUDY):
                who = patient.name[1:], study.name[1:]
                with os.scandir(study.path) as entries:
                    for entry in entries:
                        if not (match := _FILE.fullmatch(entry.name)):
                            continue
                        try:
                            status = entry.stat()
                        except OSError:  # a link to what is gone
                            continue
                        if stat.S_ISREG(status.st_mode):
                            yield who, match[1], match[2], entry.path, status.st_size


def _folders(path: str, pattern: re.Pattern[str]) -> list[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        return [e for e in entries if pattern.fullmatch(e.name) and e.is_dir()]
