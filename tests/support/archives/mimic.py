"""MIMIC-CXR(-JPG) archives of any size, all invented: texts, ids and images.

Nothing here comes from MIMIC: the layout is public, the reports are a few sentences put together.
"""

import csv
import gzip
import io
import random
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path

from tests.support.archives.openi import write_tar, write_zip

SENTENCES = (
    "The heart is of normal size.",
    "There is a small left pleural effusion.",
    "No pneumothorax is seen.",
    "Patchy opacity at the right base\n may be atelectasis.",
    "The lungs are clear.",
    "A tube of ___ ends above the carina.",
)
VIEWS = ("AP", "PA", "LATERAL", "LL", "")
SPLITS = ("train", "train", "train", "validate", "test")
LABELS = ("Atelectasis", "Cardiomegaly", "Edema", "No Finding", "Pneumonia")


def make_report(number: int, heading: str = "FINDINGS", sentences: int = 4) -> bytes:
    """Return one report as MIMIC lays it out: every line begins with a blank."""
    drawn = random.Random(number).choices(SENTENCES, k=sentences)
    return (
        f"{'':33}FINAL REPORT\n EXAMINATION:  CHEST (PA AND LAT)\n \n INDICATION:  ___F with cough"
        f"\n \n {heading}: \n \n {chr(10).join(f' {s}' for s in drawn).strip()}\n \n"
        f" IMPRESSION: \n \n Study {number}: {drawn[0]}\n"
    ).encode()


def make_dicom_id(study_id: str, number: int) -> str:
    """Return an invented id in MIMIC's form."""
    digits = sha1(f"{study_id} {number}".encode()).hexdigest()
    return "-".join(digits[i : i + 8] for i in range(0, 40, 8))


@dataclass
class Mimic:
    """What an archive will hold; change it before `write`."""

    reports: dict[str, bytes] = field(default_factory=dict)  # by name below files/
    tables: dict[str, list[dict[str, str]]] = field(default_factory=dict)  # by file name
    images: dict[str, bytes] = field(default_factory=dict)  # by name below files/

    def write_tree(self, folder: Path) -> Path:
        """Write reports as a tree, and tables, into a folder."""
        _write(folder / "files", self.reports)
        self.write_tables(folder)
        return folder

    def write_zip(self, folder: Path, **options) -> Path:
        """Write reports as MIMIC's zip, and tables, into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        members = {f"files/{name}": data for name, data in self.reports.items()}
        write_zip(folder / "mimic-cxr-reports.zip", members, **options)
        self.write_tables(folder)
        return folder

    def write_tar(self, folder: Path, mode: str = "w") -> Path:
        """Write reports as a tar or, with `w:gz`, a tar.gz, and tables, into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        members = {f"files/{name}": data for name, data in self.reports.items()}
        suffix = ".gz" if mode == "w:gz" else ""
        write_tar(folder / f"mimic-cxr-reports.tar{suffix}", members, mode)
        self.write_tables(folder)
        return folder

    def pack_images(self, folder: Path, kind: str) -> Path:
        """Write images as `zip`, `tar` or `tar.gz`, and return the file.

        With `tars` and `zips` it is one for each of p10, p11, ..., and the folder is returned.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if kind in ("tars", "zips"):
            for group in {name[:3] for name in self.images}:
                held = {n: data for n, data in self.images.items() if n.startswith(group)}
                _pack(folder / f"{group}.{kind[:-1]}", held)
            return folder
        held = {f"files/{name}": data for name, data in self.images.items()}
        return _pack(folder / f"images.{kind}", held)

    def write_images(self, folder: Path) -> Path:
        """Write images as a tree into a folder."""
        _write(folder / "files", self.images)
        return folder

    def write_tables(self, folder: Path) -> None:
        """Write the tables, as gzip where their name says so."""
        for name, rows in self.tables.items():
            text = io.StringIO()
            table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
            data = text.getvalue().encode()
            (folder / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)


def make_mimic(count: int, images_per_study: int = 2) -> Mimic:
    """Return `count` studies of half as many patients, with all tables and images."""
    made = Mimic()
    kinds = ("record", "study", "metadata", "split", "chexpert", "negbio")
    rows: dict[str, list[dict[str, str]]] = {kind: [] for kind in kinds}
    for number in range(count):
        subject_id = str(10_000_032 + number // 2 * 1009 % 9_000_000)
        study_id = str(50_000_000 + number)
        who = {"subject_id": subject_id, "study_id": study_id}
        stem = f"p{subject_id[:2]}/p{subject_id}/s{study_id}"
        made.reports[f"{stem}.txt"] = make_report(number)
        rows["study"].append(who | {"path": f"files/{stem}.txt"})
        labels = {label: "1.0" if i == number % 5 else "" for i, label in enumerate(LABELS)}
        rows["chexpert"].append(who | labels)
        rows["negbio"].append(who | labels)
        for k in range(images_per_study):
            image = {"dicom_id": make_dicom_id(study_id, k)} | who
            name = f"{stem}/{image['dicom_id']}"
            made.images[f"{name}.jpg"] = f"no picture {number} {k}".encode()
            rows["record"].append(image | {"path": f"files/{name}.dcm"})
            rows["split"].append(image | {"split": SPLITS[number // 2 % 5]})
            rows["metadata"].append(
                image
                | {"ViewPosition": VIEWS[(number + k) % 5], "Rows": "2544", "Columns": "3056"}
                | {"StudyDate": f"2180{number % 12 + 1:02}{number % 28 + 1:02}", "StudyTime": "1.5"}
            )
    made.reports = dict(sorted(made.reports.items()))
    made.tables = {
        "cxr-record-list.csv.gz": rows["record"],
        "cxr-study-list.csv.gz": rows["study"],
    } | {f"mimic-cxr-2.0.0-{kind}.csv.gz": rows[kind] for kind in kinds[2:] if rows[kind]}
    if not images_per_study:
        del made.tables["cxr-record-list.csv.gz"]
    return made


def _pack(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        return write_zip(path, files)
    return write_tar(path, files, "w:gz" if path.suffix == ".gz" else "w")


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
