"""Words that nobody else writes, as reports, patients and secrets, and where they are found.

They are new in each run: neither a copy of this file nor an earlier run holds them. The processes
of a run are told by CANARY in their environment.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from radkg.rules import RulesExtractor
from radkg.schema.records import Extraction, Study

_RUN = os.environ.setdefault("CANARY", secrets.token_hex(6))
WORDS = f"kanariwords{_RUN}"  # of reports, of no mention
PATIENT = f"kanaripatient{_RUN}"
PASSWORD = f"kanaripassword{_RUN}"
S3_SECRET = f"kanarisecret{_RUN}"
KEY = f"kanarikey-0123456789-0123456789-{_RUN}"
TOKEN = f"kanaritoken-{_RUN}"
SECRETS = (PASSWORD, S3_SECRET, KEY, TOKEN)
CANARIES = {
    "CANARY": _RUN,
    "NEO4J_USER": "neo4j",
    "NEO4J_PASSWORD": PASSWORD,
    "AWS_SECRET_ACCESS_KEY": S3_SECRET,
    "RADKG_TOKEN": TOKEN,
}
"""the environment of processes that need the secrets"""

REPORTS = f"""study_id,subject_id,study_date,report
s1,{PATIENT}1,2020-01-31,Small left effusion. {WORDS} told the nurse.
s2,{PATIENT}2,2020-01-31,No pneumothorax. {WORDS} told the nurse.
s3,{PATIENT}3,no day of {WORDS},Small left effusion. {WORDS} told the nurse.
s4,{PATIENT}4,2020-01-31,{WORDS} quotes itself.
"""
ENDING = f"s5,{PATIENT}5,2020-01-31,{WORDS} ends its reader.\n"


class Quoting(RulesExtractor):
    """The rules; but over one report they raise what quotes it, and over another the process ends.

    Whoever raises has the report in the local variables of its frames too.
    """

    def __call__(self, studies: Sequence[Study]) -> list[Extraction]:
        for study in studies:
            if "quotes itself" in study.report:
                raise ValueError(study.report)
            if "ends its reader" in study.report:
                os.abort()
        return super().__call__(studies)


def make_quoting() -> Quoting:
    return Quoting()


QUOTING = f"{__name__}:make_quoting"


def find_files(root: Path, word: str) -> set[str]:
    """Return the files that hold a word, in their names or bytes; of Parquet also in its rows."""
    found = set()
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        data = b""
        with contextlib.suppress(FileNotFoundError):  # of a service that runs
            data = path.read_bytes() if path.is_file() else b""
        if path.suffix == ".parquet" and path.is_file():
            data += json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        if word in name or word.encode() in data or word.encode("utf-16-le") in data:
            found.add(name)
    return found


def in_places(files: set[str], *places: str) -> bool:
    return all(name.startswith(places) for name in files)


def ask_wrongly(port: int) -> str:
    """Send a service what it cannot answer, with the canaries in it; return all that it says."""
    study = {"report": f"Effusion. {WORDS}.", "study_id": f"{PATIENT}6", "subject_id": PATIENT}
    batch = {"studies": [study, study]}  # of one id
    extract, form = "/v1/extract", "multipart/form-data; boundary=cut"
    part = f'--cut\r\nContent-Disposition: form-data; name="{WORDS}"; filename="{PATIENT}.png"'
    requests: list[tuple[str, str, object, dict[str, str]]] = [
        ("POST", extract, study | {"report": f"{WORDS} quotes itself."}, {}),
        ("POST", extract, study | {"report": f"{WORDS} ends its reader."}, {}),
        ("POST", extract, study | {WORDS: PATIENT}, {}),
        ("POST", extract, study | {"age": WORDS}, {}),
        ("POST", extract, study | {"study_date": PATIENT}, {}),
        ("POST", extract, study | {"report": f"{WORDS} \ud800"}, {}),
        ("POST", extract, f'{{"report": "{WORDS}', {}),
        ("POST", extract, f"{part}\r\n\r\n{WORDS}\r\n--cut--\r\n", {"content-type": form}),
        ("POST", extract, WORDS, {"content-type": f"text/{PATIENT}"}),
        ("POST", extract, study, {"accept": f"application/{WORDS}"}),
        ("POST", extract, study, {"authorization": f"Bearer {WORDS}"}),
        ("POST", extract, study, {"host": f"{PATIENT}.example", "origin": f"http://{WORDS}"}),
        ("POST", f"{extract}/batch", batch, {}),
        ("GET", f"/{PATIENT}?report={WORDS}", "", {}),
        ("GET", f"/static/{PATIENT}", "", {}),
        ("DELETE", f"{extract}?id={PATIENT}", "", {"cookie": WORDS}),
    ]
    said = []
    for method, path, body, header in requests:
        text = body if isinstance(body, str) else json.dumps(body)
        answered = ask(port, method, path, text, header)
        assert not answered.startswith("200"), (method, path, answered)
        said.append(answered)
    return "\n".join([*said, ask(port, "GET", "/metrics"), ask(port, "GET", "/about")])


def ask(
    port: int, method: str, path: str, body: str = "", header: dict[str, str] | None = None
) -> str:
    """Return status, header and body of an answer, as text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    known = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
    try:
        connection.request(method, path, body.encode(), known | (header or {}))
        answer = connection.getresponse()
        return f"{answer.status} {answer.headers} {answer.read().decode()}"
    finally:
        connection.close()
