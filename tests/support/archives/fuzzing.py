"""Hostile files: valid parents of every kind that radkg reads, broken by seeded mutations.

`make_hostile_case(seed, number)` is the same case on every machine. The mutations break one file of
a case, or one member before it is packed, so that damage also gets past checksums. attacks.py holds
what chance does not find. Nothing here comes from an archive: texts and images are invented.
"""

import functools
import gzip
import io
import json
import os
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000, ExplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

from tests.support.archives.mimic import make_mimic, make_report
from tests.support.archives.openi import make_xml

Content = bytes | Callable[[Path], object]  # or a function that writes the file, if it is huge


@dataclass(frozen=True)
class Case:
    """Files below a folder, and the arguments by which radkg opens them."""

    kind: str
    files: dict[str, Content]
    archive: str | None = None  # the name given to open_archive; None: every file is an image
    images: str | None = None


@dataclass(frozen=True)
class Parent:
    """A valid case: `name` is the file to be broken, as it is or packed from its members."""

    kind: str
    name: str
    data: bytes | dict[str, bytes]
    archive: str | None = None
    images: str | None = None
    beside: dict[str, bytes] = field(default_factory=dict)


def make_zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip without the time of day in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as packed:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            packed.writestr(info, data)
    return file.getvalue()


def make_tar(members: dict[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    """Return a tar without the time of day in it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as packed:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return file.getvalue()


def make_gzip(data: bytes) -> bytes:
    """Return a gzip without the time of day in it."""
    return gzip.compress(data, 6, mtime=0)


def encode_image(array: np.ndarray, form: str, **options: object) -> bytes:
    """Return an image as PNG, JPEG or JPEG2000."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, form, **options)
    return file.getvalue()


def make_dicom(
    stored: np.ndarray, syntax: str = ExplicitVRLittleEndian, **elements: object
) -> bytes:
    """Return a DICOM image of a transfer syntax; `elements` are set last."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        "1.2.840.10008.5.1.4.1.1.7",
        "1.2",
    )
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    bits = stored.dtype.itemsize * 8
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = 1 if stored.ndim == 2 else 3
    dataset.PhotometricInterpretation = "MONOCHROME2" if stored.ndim == 2 else "RGB"
    if stored.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    dataset.WindowCenter, dataset.WindowWidth = 128, 200
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    if syntax == ExplicitVRLittleEndian:
        dataset.add_new(0x7FE00010, "OW" if bits > 8 else "OB", stored.tobytes())
    elif syntax == RLELossless:
        dataset.PixelData = stored.tobytes()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless, generate_instance_uid=False)
    else:
        form = "JPEG" if syntax == JPEGBaseline8Bit else "JPEG2000"
        options = {} if form == "JPEG" else {"no_jp2": True}
        dataset.add_new(0x7FE00010, "OB", encapsulate([encode_image(stored, form, **options)]))
        dataset["PixelData"].is_undefined_length = True
    for name, value in elements.items():
        setattr(dataset, name, value)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def make_ramp(height: int = 40, width: int = 48) -> np.ndarray:
    """Return pixels with some contrast and some noise."""
    slope = np.linspace(0, 200, height * width).reshape(height, width)
    return (slope + np.random.default_rng(0).integers(0, 50, (height, width))).astype(np.uint8)


@functools.cache
def list_parents() -> dict[str, tuple[Parent, ...]]:
    """Return the valid cases, by kind."""
    grey = make_ramp()
    deep, colour = grey.astype(np.uint16) * 200, np.stack([grey, grey[::-1], grey], axis=-1)
    images_by_kind = {
        "dicom": [*(make_dicom(a) for a in (grey, deep, colour)), *_real("siim*.dcm")],
        "dicom-jpeg": [make_dicom(grey, JPEGBaseline8Bit)],
        "dicom-jpeg2000": [*(make_dicom(a, JPEG2000) for a in (grey, deep)), *_real("RG1*.dcm")],
        "dicom-rle": [make_dicom(grey, RLELossless), make_dicom(deep, RLELossless)],
        "jpeg": [
            encode_image(grey, "JPEG"),
            encode_image(colour, "JPEG", progressive=True, exif=_turned()),
        ],
        "png-8": [encode_image(a, "PNG") for a in (grey, colour)],
        "png-16": [encode_image(deep, "PNG")],
    }
    suffixes = {"dicom": ".dcm", "jpeg": ".jpg", "png": ".png"}
    found = [
        Parent(kind, "image" + suffixes[kind.partition("-")[0]], data)
        for kind, files in images_by_kind.items()
        for data in files
    ]
    return _by_kind([*found, *_reports(), *_packs(images_by_kind), *_tables()])


def _reports() -> list[Parent]:
    xmls = {f"{n}.xml": make_xml(n, images=(f"CXR{n}_1",)) for n in (1, 2)}
    json_text = {f"p{n}/s{n}.txt": {"text": f"Lungs clear . {n}", "entities": {}} for n in (1, 2)}
    exported = [{"doc": {"text": "No effusion .", "radkg": {"inserted_blanks": [11]}}}]
    tree = {f"files/{name}": data for name, data in make_mimic(2).reports.items()}
    return [
        Parent("xml", "a/1.xml", xmls["1.xml"], "a"),
        Parent("xml", "a/1.xml", make_xml(1, "Caf\u00e9 clear.", encoding="utf-16"), "a"),
        Parent("mimic-txt", next(iter(tree)), next(iter(tree.values())), ".", beside=tree),
        Parent("txt", "a/s1.txt", make_report(3, "IMPRESSION"), "a"),
        Parent("radgraph-json", "a.json", json.dumps(json_text).encode(), "a.json"),
        Parent("radgraph-json", "a.json", json.dumps(exported).encode(), "a.json"),
    ]


def _packs(images_by_kind: dict[str, list[bytes]]) -> list[Parent]:
    xmls = {f"a/{n}.xml": make_xml(n) for n in (1, 2, 3)}
    reports = {f"files/{name}": data for name, data in make_mimic(3).reports.items()}
    shown = make_xml(1, images=("CXR1_1", "CXR1_2", "CXR1_3"))
    held = {
        "a/CXR1_1.png": images_by_kind["png-8"][0],
        "a/CXR1_2.dcm": images_by_kind["dicom"][0],
        "a/CXR1_3.jpg": images_by_kind["jpeg"][0],
    }
    found = []
    for end in ("zip", "tar", "tar.gz"):
        name = f"mimic-cxr-reports.{end}"
        found += [
            Parent(end, f"a.{end}", xmls, f"a.{end}"),
            Parent(end, name, reports, "."),
            Parent(f"images-{end}", f"i.{end}", held, "a", f"i.{end}", beside={"a/1.xml": shown}),
        ]
    return found


def _tables() -> list[Parent]:
    lines = ["study_id,subject_id,study_date,split,report"]
    lines += [f'{n},p{n},2020-01-0{n},train,"FINDINGS: Clear, {n}.\nNo edema."' for n in (1, 2, 3)]
    table = "\n".join(lines).encode()
    objects = [{"study_id": f"{n}", "report": "No edema.", "images": ["a.png"]} for n in (1, 2)]
    rows = "\n".join(json.dumps(o) for o in objects).encode()
    plus = (
        b"path_to_image,report,section_findings,section_impression,deid_patient_id,split\n"
        b"train/patient00001/study1/view1_frontal.jpg,FINDINGS: Clear.,Clear.,,patient00001,train\n"
        b'train/patient00002/study1/view1_frontal.jpg,"IMPRESSION: 1.",,1.,patient00002,valid\n'
    )
    made = make_mimic(3)
    lists = {name: gzip.decompress(_table(rows)) for name, rows in made.tables.items()}
    tree = {f"files/{name}": data for name, data in made.reports.items()}
    found = [
        Parent("table", "t.csv", table, "t.csv"),
        Parent("table", "t.tsv", table.replace(b",", b"\t"), "t.tsv"),
        Parent("table-gz", "t.csv.gz", make_gzip(table), "t.csv.gz"),
        Parent("jsonl", "t.jsonl", rows, "t.jsonl"),
        Parent("chexpert-plus", "df_chexpert_plus_240401.csv", plus, "."),
    ]
    for name, data in lists.items():
        kept = {n: make_gzip(d) for n, d in lists.items() if n != name}
        found.append(Parent("mimic-table", name, make_gzip(data), ".", beside=tree | kept))
    return found


def _table(rows: list[dict[str, str]]) -> bytes:
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    return make_gzip("\n".join(lines).encode())


def _real(pattern: str) -> list[bytes]:
    folder = Path(os.environ.get("RADKG_TEST_DATA", ""), "dicom")
    named = "RADKG_TEST_DATA" in os.environ
    return [path.read_bytes() for path in sorted(folder.glob(pattern))] if named else []


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _by_kind(found: list[Parent]) -> dict[str, tuple[Parent, ...]]:
    kinds = dict.fromkeys(parent.kind for parent in found)
    return {kind: tuple(p for p in found if p.kind == kind) for kind in kinds}


def make_hostile_case(seed: int, number: int) -> Case:
    """Return a broken case; kinds take turns."""
    rng = Random(f"{seed} {number}")
    kinds = list(list_parents())
    kind = kinds[number % len(kinds)]
    # real files are large: they are drawn now and then
    choices = list_parents()[kind]
    weights = [0.05 if _size(p) > 50_000 else 1 for p in choices]
    (parent,) = rng.choices(choices, weights)
    data = _packed(parent, rng)
    name, archive, images = parent.name, parent.archive, parent.images
    if rng.random() < 0.04:
        end = rng.choice((".png", ".jpg", ".dcm", ".zip", ".tar.gz", ".csv", ".jsonl", ".json", ""))
        was, name = name, re.sub(r"(\.tar)?\.\w+$", "", name) + end
        archive, images = (name if n == was else n for n in (archive, images))
    return Case(kind, {**parent.beside, name: data}, archive, images)


def _size(parent: Parent) -> int:
    return len(parent.data) if isinstance(parent.data, bytes) else 0


def _packed(parent: Parent, rng: Random) -> bytes:
    """Return the broken file: a member before it is packed, what is in the gzip, or the whole."""
    name, data = parent.name, parent.data
    depth = rng.random()
    if isinstance(data, dict):
        if depth < 0.4:
            broken = rng.choice(list(data))
            data = {**data, broken: mutate(data[broken], rng)}
        if name.endswith("zip"):
            whole = make_zip(data, rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)))
        else:
            whole = make_tar(data, rng.choice((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)))
            if 0.4 <= depth < 0.75:
                whole = mutate(whole, rng)
            if name.endswith("gz"):
                whole = make_gzip(whole)
        return whole if depth < 0.4 or (depth < 0.75 and "tar" in name) else mutate(whole, rng)
    if name.endswith(".gz") and depth < 0.7:
        return make_gzip(mutate(gzip.decompress(data), rng))
    broken_data = mutate(data, rng)
    return _sealed(broken_data) if name.endswith(".png") and depth < 0.6 else broken_data


# Where the numbers stand that readers believe: what comes before them, and their form.
_FIELDS = (
    *((rb"\x28\x00" + tag + rb"\x00US\x02\x00", "<H") for tag in (rb"\x02", rb"\x06", rb"\x10")),
    *((rb"\x28\x00" + tag + rb"US\x02\x00", "<H") for tag in (rb"\x11\x00", rb"\x00\x01")),
    *((rb"\x28\x00" + tag + rb"\x01US\x02\x00", "<H") for tag in (rb"\x01", rb"\x02", rb"\x03")),
    (rb"\xe0\x7f\x10\x00O[BW]\x00\x00", "<I"),  # length of the pixels
    (rb"\xfe\xff\x00\xe0", "<I"),  # length of a fragment, or of the offset table
    (rb"[A-Z]{2}(?=[\x00-\x40]\x00)", "<H"),  # length of any short element
    (rb"IHDR", ">I"),
    (rb"IHDR.{4}", ">I"),
    (rb"IHDR.{8}", ">B"),
    (rb"(?=.{4}(?:IDAT|IEND|tEXt|eXIf))", ">I"),
    (rb"\xff[\xc0\xc2].{3}", ">H"),
    (rb"\xff[\xc0\xc2].{5}", ">H"),
    (rb"\xff[\xc4\xda\xdb\xe0\xe1]", ">H"),
    (rb"\xff\x4f\xff\x51.{4}", ">I"),  # JPEG 2000: width, then what is around
    *((rb"\xff\x4f\xff\x51" + rb".{%d}" % n, ">I") for n in (8, 16, 20, 24, 28)),
    *((rb"PK\x01\x02.{%d}" % n, form) for n, form in ((4, "<H"), (6, "<H"), (16, "<I"))),
    *((rb"PK\x01\x02.{%d}" % n, "<I") for n in (20, 24, 38, 42 - 4)),
    *((rb"PK\x03\x04.{%d}" % n, form) for n, form in ((4, "<H"), (22, "<H"), (24, "<H"))),
    *((rb"PK\x05\x06.{%d}" % n, form) for n, form in ((6, "<H"), (8, "<I"), (12, "<I"))),
)
_EXTREMES = {
    "B": (0, 1, 3, 16, 127, 128, 255),
    "H": (0, 1, 15, 16, 17, 255, 256, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF),
    "I": (
        0,
        1,
        15,
        17,
        0xFFFF,
        0x10000,
        100_000_000,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFFE,
        0xFFFFFFFF,
    ),
    "Q": (0, 1, 1 << 31, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1),
}
_TOKENS = (
    *(b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\n", b"\r", b'"', b",", b"{", b"]"),
    *(
        b"<",
        b"&a;",
        b"]]>",
        b"<!DOCTYPE a>",
        b"../../",
        b"1e999",
        b"NaN",
        b"null",
        b"-1",
        b"\\ud800",
    ),
    *(b"[" * 2000, b"9" * 5000, b"A" * 70_000, b"FINDINGS:", b"IMPRESSION:\n"),
    *(b'encoding="utf-7"', b'encoding="zlib"', "\u202e\u0000\U0010ffff".encode()),
    *(b"\x1f\x8b\x08\x00", b"PK\x05\x06", b"\xff\xd8\xff\xda"),
)


def mutate(data: bytes, rng: Random) -> bytes:
    """Return the bytes after one to four mutations."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        data = rng.choice(_MUTATIONS)(data, rng)
    return data


def _flip(data: bytes, rng: Random) -> bytes:
    flipped = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20)) if data else 0):
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _cut(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _block(data: bytes, rng: Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 4, 30, 500)))


def _insert(data: bytes, rng: Random) -> bytes:
    at, _ = _block(data, rng)
    return data[:at] + rng.randbytes(rng.choice((1, 2, 8, 600))) + data[at:]


def _repeat(data: bytes, rng: Random) -> bytes:
    start, end = _block(data, rng)
    return data[:end] + data[start:end] * rng.choice((1, 5, 200)) + data[end:]


def _remove(data: bytes, rng: Random) -> bytes:
    start, end = _block(data, rng)
    return data[:start] + data[end:]


def _number(data: bytes, rng: Random) -> bytes:
    at, form = rng.randrange(len(data) + 1), rng.choice("<>") + rng.choice("BHIQ")
    return _set(data, at, form, rng)


def _field(data: bytes, rng: Random) -> bytes:
    """Set a number that means something, in whatever kind of file this is."""
    there = [(m, form) for before, form in _FIELDS if (m := re.search(before, data, re.DOTALL))]
    if not there:
        return _digits(data, rng)
    match, form = rng.choice(there)
    return _set(data, match.end(), form, rng)


def _set(data: bytes, at: int, form: str, rng: Random) -> bytes:
    value = struct.pack(form, rng.choice(_EXTREMES[form[1]]))
    return data[:at] + value + data[at + len(value) :]


def _digits(data: bytes, rng: Random) -> bytes:
    """Set a number that is written in digits; in a tar they are octal."""
    runs = list(re.finditer(rb"\d+", data[:100_000]))
    if not runs:
        return _insert(data, rng)
    run = rng.choice(runs)
    value = rng.choice(
        (b"0", b"-1", b"7" * len(run[0]), b"9" * 30, b"\x80" + b"\xff" * 11, b"\xff" * 12)
    )
    keep = rng.random() < 0.5  # as long as it was, or what follows is moved
    value = value[: len(run[0])].ljust(len(run[0]), b"7") if keep else value
    return data[: run.start()] + value + data[run.end() :]


def _token(data: bytes, rng: Random) -> bytes:
    at, _ = _block(data, rng)
    return data[:at] + rng.choice(_TOKENS) + data[at:]


def _splice(data: bytes, rng: Random) -> bytes:
    """Join the beginning of a file and the end of another, of any kind."""
    other = rng.choice(rng.choice(list(list_parents().values()))).data
    if isinstance(other, dict):
        other = make_zip(other)
    return _cut(data, rng) + other[:100_000][rng.randrange(min(len(other), 100_000)) :]


_MUTATIONS = (
    _flip, _flip, _cut, _insert, _repeat, _remove, _number, _field, _field, _digits, _token, _splice
)  # fmt: skip


def _sealed(png: bytes) -> bytes:
    """Return a PNG with the checksums that its chunks should have, so that they are looked into."""
    sealed, at = bytearray(png), 8
    while at + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, at)
        end = at + 8 + length
        if end + 4 > len(png):
            break
        struct.pack_into(">I", sealed, end, zlib.crc32(png[at + 4 : end]))
        at = end + 4
    return bytes(sealed)
