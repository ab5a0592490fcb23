"""Known attacks on readers of archives: bombs, traversal, headers that lie, nesting without end.

The list is fixed and holds what random mutation (fuzzing.py) does not find. Each attack names the
only possible result: `read` (every study, complete), `refused` (with a reason), or either.
"""

import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000, JPEGBaseline8Bit, RLELossless

from tests.support.archives.fuzzing import (
    Case,
    Content,
    encode_image,
    make_dicom,
    make_gzip,
    make_ramp,
    make_tar,
    make_zip,
)
from tests.support.archives.mimic import make_report
from tests.support.archives.openi import make_xml

MEGA = 1 << 20
Expected = Literal["read", "refused", "either"]


@dataclass(frozen=True)
class Attack:
    """A case with its name and its expected result."""

    name: str
    case: Case
    expected: Expected = "refused"


def list_attacks() -> Iterator[Attack]:
    """Yield every attack."""
    yield from _zips()
    yield from _tars()
    yield from _gzips()
    yield from _pngs()
    yield from _jpegs()
    yield from _dicoms()
    yield from _dicom_elements()
    yield from _xmls()
    yield from _tables()
    yield from _texts()
    yield from _jsons()


def _image(name: str, data: bytes, expected: Expected = "refused", end: str = "png") -> Attack:
    return Attack(name, Case(end, {f"image.{end}": data}), expected)


def _packed(name: str, end: str, data: Content, expected: Expected = "either") -> Attack:
    return Attack(name, Case(end, {f"a.{end}": data}, f"a.{end}"), expected)


def _zips() -> Iterator[Attack]:
    one = make_xml(1)
    flat = make_zip({"1.xml": one, "2.xml": bytes(64 * MEGA)})
    yield _packed("zip: a member of 64 MB of zeros", "zip", flat)
    yield _packed("zip: it declares less than it holds", "zip", _lying(flat, 64 * MEGA, 500))
    yield _packed("zip: it declares 4 GB", "zip", _lying(flat, 64 * MEGA, 0xFFFFFFF0))
    yield _packed("zip: 2,000 members share one", "zip", _overlapping(2_000))
    inner = make_zip({"1.xml": bytes(15 * MEGA)})
    for _ in range(4):
        inner = make_zip({f"{i}.zip": inner for i in range(16)})
    yield _packed("zip: zips in zips", "zip", inner, "refused")
    names = ("../../1.xml", "/etc/2.xml", "..\\..\\3.xml", "C:\\4.xml", "a/\0/5.xml", "6\n7.xml")
    yield _packed(
        "zip: names that lead elsewhere", "zip", make_zip(dict.fromkeys(names, one)), "read"
    )
    yield _packed("zip: a name of 60 kB", "zip", make_zip({f"{'a' * 60_000}.xml": one}), "refused")
    yield _packed(
        "zip: 30,000 empty members", "zip", make_zip({f"{i}.txt": b"" for i in range(30_000)})
    )
    link = zipfile.ZipInfo("1.xml")
    link.external_attr = 0o120777 << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(link, "/etc/passwd")
    yield _packed("zip: a symbolic link", "zip", file.getvalue(), "refused")
    shown = make_xml(1, images=("CXR1_1",))
    for end, data in (("zip", make_zip({"CXR1_1.png": bytes(300 * MEGA)})),):
        files = {"a/1.xml": shown, f"i.{end}": data}
        yield Attack(
            "zip: an image of 300 MB of zeros", Case(end, files, "a", f"i.{end}"), "either"
        )
    control = {"a/1.xml": shown, "i.zip": make_zip({"../\n\x1b[2J/CXR1_1.png": b"no image"})}
    yield Attack(
        "zip: an image with control codes in its name", Case("zip", control, "a", "i.zip"), "either"
    )


def _lying(data: bytes, told: int, lie: int) -> bytes:
    return data.replace(struct.pack("<I", told), struct.pack("<I", lie))


def _overlapping(count: int) -> bytes:
    """Return a zip whose directory names one member often."""
    whole = make_zip({"1.xml": bytes(10 * MEGA)})
    start = whole.index(b"PK\x01\x02")
    end = whole.index(b"PK\x05\x06")
    directory = whole[start:end] * count
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(directory), start, 0)
    return whole[:start] + directory + tail


def _tars() -> Iterator[Attack]:
    one = make_xml(1)
    good = {"1.xml": one}
    for kind, name in ((tarfile.SYMTYPE, "symbolic"), (tarfile.LNKTYPE, "hard")):
        yield _packed(
            f"tar: a {name} link",
            "tar",
            _tar_header("1.xml", type=kind, linkname="/etc/passwd"),
            "refused",
        )
    for kind in (tarfile.FIFOTYPE, tarfile.CHRTYPE, b"S"):
        yield _packed(f"tar: a member of type {kind!a}", "tar", _tar_header("1.xml", type=kind))
    names = ("../../1.xml", "/etc/2.xml", "3\n4.xml")
    yield _packed(
        "tar: names that lead elsewhere", "tar", make_tar(dict.fromkeys(names, one)), "read"
    )
    for size in (1 << 33, 1 << 62, 1 << 80, -1, -512, -1024, -(1 << 40)):
        for name in ("0.xml", "0.bin"):
            data = _sized(make_tar({name: b"x"}), size) + make_tar(good)
            yield _packed(f"tar: {name} of {size} bytes", "tar", data)
            yield _packed(f"tar.gz: {name} of {size} bytes", "tar.gz", make_gzip(data))
        for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):
            data = _sized(_tar_header("h", type=kind), size) + make_tar(good)
            yield _packed(f"tar: a header of type {kind!a} of {size} bytes", "tar", data)
    for text in (
        "size=-1",
        "size=-1024",
        "size=9" + "9" * 20,
        "GNU.sparse.map=1,x",
        "size=" + "9" * 5000,
    ):
        yield _packed(f"tar: a header that says {text[:30]}", "tar", _pax(text) + make_tar(good))
    sparse = ["GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=99999999999999"]
    yield _packed(
        "tar: a sparse member", "tar", _pax(*sparse) + make_tar({"1.xml": b"9999999\n" * 100})
    )
    digits = b"1" * MEGA
    yield _packed(
        "tar: a header of digits",
        "tar",
        _tar_header("h", digits, type=tarfile.XHDTYPE) + make_tar(good),
    )
    many = _tar_header("h", b"a\0", type=tarfile.GNUTYPE_LONGNAME) * 5_000
    yield _packed("tar: 5,000 long names for one member", "tar", many + make_tar(good))
    blank = tarfile.TarInfo("h")
    blank.type, blank.size = tarfile.GNUTYPE_LONGNAME, 3 << 30
    bomb = partial(_gzip_of_zeros, head=blank.tobuf(tarfile.GNU_FORMAT), size=3 << 30)
    yield _packed("tar.gz: a name of 3 GB", "tar.gz", bomb)
    blank.type, blank.name, blank.size = tarfile.REGTYPE, "0.bin", 40 << 30
    bomb = partial(_gzip_of_zeros, head=blank.tobuf(tarfile.GNU_FORMAT), size=40 << 30)
    yield _packed("tar.gz: a member of 40 GB of zeros", "tar.gz", bomb)


def _tar_header(name: str, data: bytes = b"", **fields: object) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    padded = data + bytes(-len(data) % 512)
    return info.tobuf(tarfile.GNU_FORMAT) + padded


def _sized(tar: bytes, size: int) -> bytes:
    """Return a tar whose first header declares a size, in the binary form that takes any number."""
    header = bytearray(tar[:512])
    header[124:136] = (size % (1 << 96)).to_bytes(12, "big")
    header[124] = 0x80 if size >= 0 else 0xFF
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + tar[512:]


def _pax(*records: str) -> bytes:
    data = b""
    for record in records:
        length = len(record) + 3
        length += len(str(length)) - (len(str(length + len(str(length)) - 1)) == 1)
        length = next(
            n for n in range(len(record) + 2, len(record) + 12) if n == len(f"{n} {record}\n")
        )
        data += f"{length} {record}\n".encode()
    return _tar_header("h", data, type=tarfile.XHDTYPE)


def _gzip_of_zeros(path: Path, head: bytes, size: int) -> None:
    """Write a gzip of zeros in pieces: a piece that was flushed can be written again and again."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = squeeze.compress(head) + squeeze.flush(zlib.Z_FULL_FLUSH)
    piece = squeeze.compress(bytes(64 * MEGA)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    with path.open("wb") as file:
        file.write(b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + first)
        for _ in range(size // (64 * MEGA)):
            file.write(piece)


def _gzips() -> Iterator[Attack]:
    table = b'study_id,report\n1,"a"\n'
    bomb = partial(_gzip_of_zeros, head=table, size=20 << 30)
    yield _packed("gzip: a table of 20 GB of zeros", "csv.gz", bomb)
    lines = partial(_gzip_of_lines, head=table, line=b"\n", times=20)
    yield _packed("gzip: a table of 20 GB of empty lines", "csv.gz", lines)
    quoted = partial(_gzip_of_lines, head=b"study_id,report\n1,", line=b'"\n",', times=20)
    yield _packed("gzip: a row without end", "csv.gz", quoted)
    objects = partial(_gzip_of_lines, head=b'{"study_id":"1","report":""}\n', line=b"\n", times=20)
    yield _packed("gzip: JSON lines of 20 GB of blanks", "jsonl.gz", objects)
    yield _packed(
        "gzip: in a gzip in a gzip", "csv.gz", make_gzip(make_gzip(make_gzip(table))), "refused"
    )
    yield _packed(
        "gzip: 30,000 empty members", "csv.gz", make_gzip(b"") * 30_000 + make_gzip(table), "read"
    )


def _gzip_of_lines(path: Path, head: bytes, line: bytes, times: int) -> None:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = squeeze.compress(head) + squeeze.flush(zlib.Z_FULL_FLUSH)
    piece = squeeze.compress(line * (64 * MEGA // len(line))) + squeeze.flush(zlib.Z_FULL_FLUSH)
    with path.open("wb") as file:
        file.write(b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + first + piece * (16 * times))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(
    width: int, height: int, pixels: bytes, *chunks: bytes, form: tuple[int, int] = (8, 0)
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, *form, 0, 0, 0)
    body = (
        _chunk(b"IHDR", header) + b"".join(chunks) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + body


def _pngs() -> Iterator[Attack]:
    for width, height in (
        (10_000, 10_000),
        (100_000, 100_000),
        (0x7FFFFFFF, 0x7FFFFFFF),
        (1, 0x7FFFFFFF),
        (0, 0),
    ):
        yield _image(f"png: a header of {width} x {height}", _png(width, height, b""))
    yield _image("png: 64 million pixels, none there", _png(8_000, 8_000, b""))
    for form, width, name in (
        ((8, 0), 1, "grey"),
        ((16, 0), 2, "16 bit"),
        ((8, 2), 3, "colours"),
        ((8, 6), 4, "RGBA"),
    ):
        row = 8_000 * width + 1
        squeeze = zlib.compressobj(1)
        pixels = b"".join([squeeze.compress(bytes(row)) for _ in range(7_999)])
        pixels += squeeze.compress(b"\0" + b"\xff" * (row - 1)) + squeeze.flush()
        yield _image(
            f"png: 64 million pixels of {name}", _png(8_000, 8_000, pixels, form=form), "read"
        )
    some = zlib.compress(bytes(64 * 65))
    bomb = zlib.compress(bytes(400 * MEGA), 9)
    for kind, head in ((b"zTXt", b"a\0\0"), (b"iCCP", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0")):
        yield _image(
            f"png: a bomb in {kind.decode()}",
            _png(64, 64, some, _chunk(kind, head + bomb)),
            "either",
        )
        texts = [_chunk(kind, head + zlib.compress(bytes(900_000)))] * 500
        yield _image(f"png: 500 times {kind.decode()}", _png(64, 64, some, *texts), "either")
    yield _image("png: pixels of 400 MB for a small image", _png(64, 64, bomb), "either")
    frames = _chunk(b"acTL", struct.pack(">II", 0x7FFFFFFF, 0))
    yield _image("png: two thousand million frames", _png(64, 64, some, frames))
    yield _image(
        "png: 200,000 empty chunks", _png(64, 64, some, *[_chunk(b"teSt", b"")] * 200_000), "either"
    )


def _sized_jpeg(data: bytes, height: int, width: int) -> bytes:
    at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def _scans(side: int, count: int) -> bytes:
    """Return a progressive JPEG that goes over all of its pixels again and again."""
    data = encode_image(make_ramp(64, 64), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return _sized_jpeg(data[:last] + data[last:-2][:14] * count + data[-2:], side, side)


def _jpegs() -> Iterator[Attack]:
    jpeg = partial(_image, end="jpg")
    grey = encode_image(make_ramp(64, 64), "JPEG")
    for size in ((10_000, 10_000), (65_500, 65_500), (65_500, 1)):
        yield jpeg(f"jpeg: a header of {size}", _sized_jpeg(grey, *size))
    yield jpeg("jpeg: 64 million pixels, few there", _sized_jpeg(grey, 8_000, 8_000), "either")
    colours = encode_image(np.stack([make_ramp(64, 64)] * 3, axis=-1), "JPEG", progressive=True)
    yield jpeg(
        "jpeg: 64 million progressive pixels in colours",
        _sized_jpeg(colours, 8_000, 8_000),
        "either",
    )
    yield jpeg("jpeg: 20,000 scans of 64 million pixels", _scans(8_000, 20_000))
    exif = b"\xff\xe1" + struct.pack(">H", 65_000) + b"Exif\0\0II*\0\x08\0\0\0" + b"\xff" * 64_984
    yield jpeg("jpeg: an EXIF of 65,535 tags", grey[:2] + exif + grey[2:], "either")
    yield jpeg(
        "jpeg: 5,000 markers",
        grey[:2] + (b"\xff\xe2\xff\xff" + bytes(65_533)) * 500 + grey[2:],
        "either",
    )
    file = io.BytesIO()
    Image.new("L", (64, 64)).save(file, "TIFF")
    yield jpeg("jpeg: a TIFF by its bytes", file.getvalue())
    yield jpeg(
        "jpeg: PostScript by its bytes", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    )


def _dicoms() -> Iterator[Attack]:
    dicom = partial(_image, end="dcm")
    grey = make_ramp(64, 64)
    big = {"Rows": 8_000, "Columns": 8_000}
    yield dicom("dicom: a header of 60,000 x 60,000", make_dicom(grey, Rows=60_000, Columns=60_000))
    yield dicom("dicom: 64 million pixels, few there", make_dicom(grey, **big))
    for bits in (8, 16):
        full = np.zeros((8_000, 8_000), f"u{bits // 8}")
        full[0] = 200
        yield dicom(f"dicom: 64 million pixels of {bits} bits", make_dicom(full), "read")
    for syntax, form in ((JPEGBaseline8Bit, "JPEG"), (JPEG2000, "JPEG2000")):
        for side in (8_000, 12_000, 30_000):
            inner = encode_image(grey, form, **({} if form == "JPEG" else {"no_jp2": True}))
            inner = _sized_jpeg(inner, side, side) if form == "JPEG" else _sized_j2k(inner, side)
            lying = _with_frames(make_dicom(grey, syntax), inner)
            yield dicom(f"dicom: {form} of {side} a side in a small image", lying)
    flat = encode_image(np.zeros((8_000, 8_000, 3), np.uint8), "JPEG")
    yield dicom(
        "dicom: a full JPEG of 64 million pixels in a small image",
        _with_frames(make_dicom(grey, JPEGBaseline8Bit), flat),
    )
    scans = _with_frames(make_dicom(grey, JPEGBaseline8Bit, **big), _scans(8_000, 20_000))
    yield dicom("dicom: 20,000 scans of 64 million pixels", scans)
    rle = struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\0" * (8 * MEGA)
    yield dicom(
        "dicom: RLE of a thousand million bytes", _with_frames(make_dicom(grey, RLELossless), rle)
    )
    valid = make_dicom(grey)
    yield dicom(
        "dicom: an executable before it", b"MZ" + bytes(58) + b"\x80\0\0\0" + valid[64:], "either"
    )
    yield dicom("dicom: DEFLATE of 3 GB", _deflated(bytes(64 * MEGA), 48))
    yield dicom(
        "dicom: 20 million DEFLATEd elements", _deflated(b"\x09\0\x10\0LO\0\0" * (8 * MEGA), 1)
    )
    palette = {"PhotometricInterpretation": "PALETTE COLOR"}
    yield dicom("dicom: a palette that is not there", make_dicom(grey, **palette), "either")
    yield dicom("dicom: 2,000 million frames", make_dicom(grey, NumberOfFrames="2000000000"))
    for value in ("1e999", "nan", "-1e308"):
        yield dicom(
            f"dicom: a slope of {value}",
            make_dicom(grey).replace(
                b"DS\x02\x001 ",
                f"DS{chr(len(value) + len(value) % 2)}\0{value}{' ' * (len(value) % 2)}".encode(
                    "latin1"
                ),
            ),
            "either",
        )


def _deflated(data: bytes, times: int) -> bytes:
    """Return a DICOM file of the deflated transfer syntax that holds the data over and over."""
    whole = make_dicom(make_ramp(64, 64))
    whole = whole.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    at = whole.index(b"UI\x14\0" + b"1.2.840.10008.1.2.1.99")
    whole = whole[: at + 2] + b"\x16\0" + whole[at + 4 :]
    length = whole.index(b"\x02\0\0\0UL\x04\0") + 8
    (group,) = struct.unpack_from("<I", whole, length)
    body = length + 4 + group + 2
    whole = whole[:length] + struct.pack("<I", group + 2) + whole[length + 4 : body]
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = squeeze.compress(data) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return whole + piece * times + squeeze.flush()


def _sized_j2k(data: bytes, side: int) -> bytes:
    """Return a JPEG 2000 that declares an image, and a tile, of side x side."""
    at = data.index(b"\xff\x51") + 6
    sizes = list(struct.unpack_from(">8I", data, at))
    sizes[0] = sizes[1] = sizes[4] = sizes[5] = side
    return data[:at] + struct.pack(">8I", *sizes) + data[at + 32 :]


def _with_frames(dicom: bytes, *frames: bytes) -> bytes:
    """Return an encapsulated DICOM with other frames."""
    at = dicom.index(b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff") + 12
    return dicom[:at] + encapsulate(list(frames)) + b"\xfe\xff\xdd\xe0\0\0\0\0"


def _dicom_elements() -> Iterator[Attack]:
    dicom = partial(_image, end="dcm")
    valid = make_dicom(make_ramp(64, 64))
    pixels = valid.index(b"\xe0\x7f\x10\0")
    head, rest = valid[:pixels], valid[pixels:]
    for length in (0xFFFFFFFE, 0x7FFFFFFF, 0xFFFFFFFF):
        for kind in (b"OB", b"UN", b"UT", b"SQ"):
            element = b"\x09\0\x10\0" + kind + b"\0\0" + struct.pack("<I", length)
            at = valid.index(b"\x28\0\x02\0")
            yield dicom(
                f"dicom: {kind.decode()} of {length:#x} bytes",
                valid[:at] + element + valid[at:],
                "either",
            )
        yield dicom(
            f"dicom: pixels of {length:#x} bytes",
            head + rest[:8] + struct.pack("<I", length) + rest[12:],
            "either",
        )
    nested = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    for depth in (100, 5_000, 200_000):
        yield dicom(
            f"dicom: {depth} sequences in sequences",
            head[:0] + valid[: valid.index(b"\x28\0\x02\0")] + nested * depth,
            "either",
        )
    small = make_dicom(make_ramp(64, 64), JPEG2000)
    table = small.index(b"\xe0\x7f\x10\0") + 12
    for offsets in ((0xFFFFFFF0,), (0, 8, 3), tuple(range(20_000))):
        item = b"\xfe\xff\0\xe0" + struct.pack(f"<I{len(offsets)}I", 4 * len(offsets), *offsets)
        yield dicom(
            f"dicom: {len(offsets)} offsets from {offsets[0]}",
            small[:table] + item + small[table + 8 :],
            "either",
        )
    fragments = b"\xfe\xff\0\xe0\0\0\0\0" * 300_000
    yield dicom(
        "dicom: 300,000 empty fragments",
        small[: table + 8] + fragments + small[table + 8 :],
        "either",
    )
    directory = make_dicom(make_ramp(64, 64)).replace(
        b"1.2.840.10008.5.1.4.1.1.7\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0"
    )
    yield dicom("dicom: a DICOMDIR", directory[: directory.index(b"\x28\0\x02\0")])
    charset = valid.index(b"\x28\0\x02\0")
    yield dicom(
        "dicom: no such character set",
        valid[:charset] + b"\x08\0\x05\0CS\x06\0../../" + valid[charset:],
        "either",
    )
    yield dicom(
        "dicom: 300,000 elements", valid[:charset] + b"\x09\0\x10\0LO\0\0" * 300_000, "refused"
    )
    yield dicom(
        "dicom: 5,000 windows",
        make_dicom(make_ramp(64, 64), WindowCenter=[128] * 5_000, WindowWidth=[9] * 5_000),
        "either",
    )


def _xmls() -> Iterator[Attack]:
    def loose(name: str, data: bytes, expected: Expected = "refused") -> Attack:
        return Attack(name, Case("xml", {"a/1.xml": data}, "a"), expected)

    laughs = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)
    )
    yield loose(
        "xml: billion laughs", f"<!DOCTYPE e [{laughs}]><eCitation>&a11;</eCitation>".encode()
    )
    quadratic = (
        f'<!DOCTYPE e [<!ENTITY a "{"h" * 100_000}">]><eCitation>{"&a;" * 100_000}</eCitation>'
    )
    yield loose("xml: one long entity, often", quadratic.encode())
    for address in ("file:///etc/passwd", "http://127.0.0.1:9/a", "/dev/zero"):
        text = f'<!DOCTYPE e [<!ENTITY x SYSTEM "{address}">]><eCitation>&x;</eCitation>'
        yield loose(f"xml: an external entity {address}", text.encode())
        yield loose(
            f"xml: a DTD at {address}", f'<!DOCTYPE e SYSTEM "{address}"><eCitation/>'.encode()
        )
    for count in (100_000, 2_000_000):
        deep = b"<eCitation>" + b"<a>" * count + b"</a>" * count + b"</eCitation>"
        yield loose(f"xml: {count} elements in one another", deep, "either")
    yield loose(
        "xml: 4 million elements",
        b"<eCitation>" + b"<a/>" * (4 * MEGA - 10) + b"</eCitation>",
        "either",
    )
    attributes = " ".join(f'a{i}="1"' for i in range(1_000_000))
    yield loose("xml: a million attributes", f"<eCitation {attributes}/>".encode(), "either")
    many = b'<a b="1"/>' * 1_600_000
    yield loose(
        "xml: 1.6 million elements with an attribute",
        b"<eCitation>" + many + b"</eCitation>",
        "either",
    )
    texts = b'<AbstractText Label="FINDINGS">a</AbstractText>' * 300_000
    yield loose(
        "xml: 300,000 sections",
        b"<eCitation><Abstract>" + texts + b"</Abstract></eCitation>",
        "either",
    )
    for encoding in (
        "utf-7",
        "zlib",
        "rot13",
        "idna",
        "punycode",
        "no-such",
        "\0",
        "utf-32",
        "utf-16",
        "cp037",
    ):
        yield loose(
            f"xml: encoding {encoding!a}",
            f'<?xml version="1.0" encoding="{encoding}"?><eCitation/>'.encode(),
            "either",
        )
    yield loose(
        "xml: UTF-16 of half a pair",
        b"\xff\xfe" + "<eCitation>".encode("utf-16-le") + b"\x00\xd8" * 9,
    )
    yield loose("xml: a root with a name of 1 MB", b"<" + b"a" * MEGA + b"/>")
    yield loose("xml: a root with odd letters", "<\u0e01\u0e31\u202e/>".encode())
    yield loose(
        "xml: a section named by control codes",
        make_xml(1).replace(b"FINDINGS", b"&#27;&#10;"),
        "either",
    )
    yield loose(
        "xml: a link to itself", make_xml(1, images=("../../../etc/passwd", "a" * 199)), "read"
    )


def _sparse(path: Path, head: bytes, size: int = 1 << 30) -> None:
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)


def _tables() -> Iterator[Attack]:
    table = "study_id,report\n"
    yield _packed("csv: one line of 1 GB", "csv", partial(_sparse, head=b"study_id,report\n1,"))
    yield _packed("csv: a header of 1 GB", "csv", partial(_sparse, head=b"study_id,"), "refused")
    yield _packed(
        "jsonl: one line of 1 GB",
        "jsonl",
        partial(_sparse, head=b'{"study_id":"1","report":"'),
        "refused",
    )
    for end in ("csv", "jsonl", "xml", "txt", "zip", "tar", "tar.gz", "json", "parquet", "tsv"):
        yield _packed(f"{end}: 1 GB of zeros", end, partial(_sparse, head=b""), "refused")
    yield _packed(
        "csv: an open quote of 8 MB",
        "csv",
        (table + '1,"' + "a\n" * (4 * MEGA)).encode(),
        "refused",
    )
    yield _packed(
        "csv: a cell of 4 MB", "csv", (table + f"1,{'a' * (4 * MEGA - 100)}\n").encode(), "refused"
    )
    yield _packed(
        "csv: 4 million cells", "csv", (table + "," * (4 * MEGA - 100) + "\n").encode(), "refused"
    )
    yield _packed(
        "csv: 4 million columns",
        "csv",
        ("study_id,report" + "," * (4 * MEGA - 100) + "\n1,a\n").encode(),
        "refused",
    )
    yield _packed("csv: 60,000 times one id", "csv", (table + "1,a\n" * 60_000).encode(), "either")
    yield _packed(
        "csv: NUL, lone surrogates, marks",
        "csv",
        table.encode() + b"1,a\0b\n2,\xed\xa0\x80\n3,\xef\xbb\xbf\n4,\xff\n",
    )
    yield _packed("csv: NUL in an id", "csv", table.encode() + b"1\0,a\n\x1b[2J,b\n", "either")
    images = (
        "study_id,report,images\n1,a,../../etc/passwd\n2,b,/etc/passwd\n3,c,i.zip!0+9!x\n4,d,\0\n5,e,"
        + "a/" * 9_000
    )
    files = {"t.csv": images.encode(), "i/a.png": encode_image(make_ramp(), "PNG")}
    yield Attack("csv: images that are elsewhere", Case("csv", files, "t.csv", "i"), "read")
    yield _packed("csv: formulas", "csv", (table + '=cmd|"/c calc"!A0,"=1+1"\n').encode(), "either")
    yield _packed(
        "csv: dates that are none",
        "csv",
        b"study_id,report,study_date\n1,a,9999-99-99\n2,b,0000-00-00\n3,c,2020-02-30T"
        + b"1" * 9_000,
        "either",
    )


def _texts() -> Iterator[Attack]:
    def loose(name: str, data: bytes, expected: Expected = "either") -> Attack:
        files = {"a/s1.txt": data}
        return Attack(name, Case("txt", files, "a"), expected)

    yield loose("txt: a word of 10 MB", b"FINDINGS: " + b"a" * (10 * MEGA), "read")
    yield loose("txt: 15 MB of blanks", b"FINDINGS:" + b" " * (15 * MEGA), "read")
    yield loose("txt: 15 MB of full stops", b"FINDINGS:" + b". " * (7 * MEGA), "read")
    yield loose("txt: 3 MB of empty lines", b"FINDINGS:" + b"\n \n" * MEGA, "read")
    yield loose("txt: 15 MB of capitals", b"A" * (15 * MEGA), "read")
    yield loose("txt: 100,000 headings", b"FINDINGS: a\n" * 100_000, "read")
    yield loose("txt: 1 MB of negations", b"no effusion or " * 70_000, "read")
    yield loose("txt: 17 MB", b"a" * (17 * MEGA), "refused")
    yield loose("txt: NUL bytes", bytes(MEGA), "read")
    yield loose("txt: lone surrogates", b"FINDINGS: \xed\xa0\x80\n", "refused")
    yield loose(
        "txt: controls and marks",
        "FINDINGS: \u202eedema\u0000\x1b[2J\U0010ffff\ufeff".encode(),
        "read",
    )
    name = "p10/p10000032/s50414267.txt"
    mimic = make_report(1) + b"\n FINDINGS: \n" * 100_000
    yield Attack(
        "mimic: 100,000 headings", Case("mimic-txt", {f"files/{name}": mimic}, "."), "read"
    )


def _jsons() -> Iterator[Attack]:
    def lone(name: str, data: bytes, expected: Expected = "refused") -> Attack:
        return Attack(name, Case("json", {"a.json": data}, "a.json"), expected)

    start = b'{"d": {"text": "No edema .", "x": '
    yield lone("json: a million brackets", start + b"[" * MEGA)
    yield lone("json: a million braces", start + b'{"a":' * MEGA)
    yield lone("json: a number of 10 million digits", start + b"9" * (10 * MEGA) + b"}}", "either")
    yield lone("json: 1e999 and NaN", start + b"[1e999, NaN, -Infinity]}}", "read")
    yield lone("json: half a pair", b'{"d": {"text": "\\ud800"}}')
    yield lone("json: half a pair as key", b'{"\\ud800": {"text": "No edema ."}}', "either")
    blanks = json.dumps({"d": {"text": "a b", "radkg": {"inserted_blanks": [10**30, -5]}}})
    yield lone("json: blanks that are elsewhere", blanks.encode())
    yield lone(
        "json: 50,000 times one key",
        b"{" + b'"d": {"text": ""},' * 50_000 + b'"e": {"text": ""}}',
        "either",
    )
    yield lone("json: behind its end", b'{"d": {"text": ""}}' + bytes(MEGA))
    rows = [
        b"[" * 100_000,
        b'{"study_id": ' + b"9" * 5_000 + b"}",
        b'{"study_id": {"a": 1}, "report": [1]}',
    ]
    first = b'{"study_id": "1", "report": "a"}\n'
    for i, row in enumerate(rows):
        yield _packed(f"jsonl: a hostile row {i}", "jsonl", first + row + b"\n", "either")
