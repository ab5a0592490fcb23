"""What `radkg deid-check` finds: python -m tests.benchmarks.deid [--split train|test]

Into every report of Open-i's split one sentence with an invented identifier is put, of each class
of Safe Harbor in turn, in one of several wordings; the places are drawn with a seed. An identifier
is found where a finding covers a part of it. False alarms are findings in the reports as they are:
Open-i was de-identified by people, who left XXXX. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import random
import string
from collections import Counter
from collections.abc import Callable

from radkg.archive import open_archive
from radkg.deid import CLASSES, find_identifiers
from radkg.schema.records import Study
from radkg.schema.sentences import split_sentences

Make = Callable[[random.Random], str]

GIVEN = [
    "Anika",
    "Bao",
    "Caroline",
    "Dmitri",
    "Esperanza",
    "Fatima",
    "Gordon",
    "Hiroshi",
    "Ingrid",
    "Jamal",
    "John",
    "Linda",
    "Mary",
]
FAMILY = [
    "Abernathy",
    "Baptiste",
    "Castellanos",
    "Dombrowski",
    "Eze",
    "Fitzgerald",
    "Gupta",
    "Hernandez",
    "Ito",
    "O'Rourke",
]
TOWNS = ["Maple Falls", "Cedar Rapids", "Bloomington", "Fort Wayne", "Evansville", "Muncie"]
STREETS = ["Elm Street", "Oak Hollow Rd", "Martin Luther King Blvd", "5th Avenue", "Lakeview Ter"]
MONTHS = ["January", "Feb", "March", "Apr.", "June", "Sept", "October", "December"]


def digits(rng: random.Random, number: int) -> str:
    return "".join(rng.choice(string.digits) for _ in range(number))


def code(rng: random.Random, letters: int, number: int) -> str:
    return "".join(rng.choice(string.ascii_uppercase) for _ in range(letters)) + digits(rng, number)


def given(rng: random.Random) -> str:
    return rng.choice(GIVEN)


def family(rng: random.Random) -> str:
    return rng.choice(FAMILY)


def phone(rng: random.Random) -> str:
    a, b, c = digits(rng, 3), digits(rng, 3), digits(rng, 4)
    return rng.choice(
        [f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"{a}.{b}.{c}", f"+1 {a} {b} {c}", f"{b}-{c}"]
    )


def day(rng: random.Random) -> str:
    y, m, d = rng.randint(1990, 2024), rng.randint(1, 12), rng.randint(1, 28)
    name = rng.choice(MONTHS)
    forms = [f"{m}/{d}/{y}", f"{m:02}/{d:02}/{y % 100:02}", f"{y}-{m:02}-{d:02}", f"{d}.{m}.{y}"]
    return rng.choice(
        [*forms, f"{name} {d}, {y}", f"{d} {name} {y}", f"{name} {y}", f"{name} {d}th"]
    )


# wordings with [[ ]] around the identifier, by class
SAID: dict[str, list[Make]] = {
    "name": [
        lambda r: f"Findings were discussed with Dr. [[{family(r)}]] by telephone.",
        lambda r: f"Dictated by: [[{given(r)} {family(r)}]].",
        lambda r: f"Electronically signed by [[{given(r)} {code(r, 1, 0)}. {family(r)}]], MD.",
        lambda r: f"[[{given(r)} {family(r)}]] was examined in the emergency room.",
        lambda r: f"[[{family(r).upper()}, {given(r).upper()}]].",
        lambda r: f"Mrs. [[{family(r)}]] could not hold still.",
        lambda r: f"The clinical team ([[{family(r)}]]) is aware.",
    ],
    "place": [
        lambda r: f"Send the films to [[{r.randint(2, 9999)} {r.choice(STREETS)}]].",
        lambda r: f"The patient lives in [[{r.choice(TOWNS)}]].",
        lambda r: f"Transferred from [[{r.choice(TOWNS)} Hospital]].",
        lambda r: f"Home address: [[{r.choice(TOWNS)}, IN {digits(r, 5)}]].",
        lambda r: f"Prior films from [[{r.choice(TOWNS)}]] were reviewed.",
    ],
    "date": [
        lambda r: f"Comparison is made to the film of [[{day(r)}]].",
        lambda r: f"Date of examination: [[{day(r)}]].",
        lambda r: f"Status post surgery on [[{day(r)}]].",
        lambda r: f"DOB [[{r.randint(1, 12)}/{r.randint(1, 28)}/{r.randint(1920, 2000)}]].",
        lambda r: f"Unchanged since [[{r.randint(1, 12)}/{r.randint(1, 28)}]].",
    ],
    "age over 89": [
        lambda r: f"This [[{r.randint(90, 104)}-year-old]] has a cough.",
        lambda r: f"[[{r.randint(90, 104)} y/o]] woman with dyspnea.",
        lambda r: f"The patient is aged [[{r.randint(90, 104)}]].",
        lambda r: f"[[{r.randint(90, 104)}F]] with fever.",
        lambda r: "A [[ninety-three year old]] man.",
    ],
    "telephone": [
        lambda r: f"Call [[{phone(r)}]] with questions.",
        lambda r: f"Reported by telephone at [[{phone(r)}]].",
        lambda r: f"Pager [[{digits(r, 5)}]].",
        lambda r: f"Extension [[{digits(r, 5)}]] was called.",
        lambda r: f"London office +44 [[20 {digits(r, 4)} {digits(r, 4)}]].",
    ],
    "fax": [
        lambda r: f"The report was sent by fax to [[{phone(r)}]].",
        lambda r: f"Fax: [[{phone(r)}]].",
        lambda r: f"Facsimile no. [[{phone(r)}]].",
    ],
    "email": [
        lambda r: f"Write to [[{given(r).lower()}.{family(r).lower()}@example.org]].",
        lambda r: f"Contact: [[{code(r, 3, 2).lower()}@mail.hospital.example.edu]].",
    ],
    "social security": [
        lambda r: f"SSN [[{digits(r, 3)}-{digits(r, 2)}-{digits(r, 4)}]].",
        lambda r: f"Social security number: [[{digits(r, 9)}]].",
        lambda r: f"Identified as [[{digits(r, 3)}-{digits(r, 2)}-{digits(r, 4)}]].",
    ],
    "medical record": [
        lambda r: f"MRN: [[{digits(r, 8)}]].",
        lambda r: f"Medical record number [[{code(r, 1, 6)}]].",
        lambda r: f"Patient ID [[{digits(r, 6)}]].",
        lambda r: f"MR# [[{digits(r, 3)}-{digits(r, 4)}]].",
        lambda r: f"Filed under [[{digits(r, 7)}]].",
    ],
    "health plan": [
        lambda r: f"Medicare number [[{code(r, 1, 9)}]].",
        lambda r: f"Insurance ID: [[{code(r, 3, 9)}]].",
        lambda r: f"Member # [[{digits(r, 10)}]].",
        lambda r: f"Blue plan [[{code(r, 2, 5)}]] covers this.",
    ],
    "account": [
        lambda r: f"Account number [[{digits(r, 9)}]].",
        lambda r: f"Billing no. [[{code(r, 2, 6)}]].",
        lambda r: f"Encounter: [[{digits(r, 10)}]].",
    ],
    "licence": [
        lambda r: f"License # [[{code(r, 2, 6)}]].",
        lambda r: f"DEA [[{code(r, 2, 7)}]].",
        lambda r: f"NPI: [[{digits(r, 10)}]].",
        lambda r: f"Certified under [[{code(r, 1, 4)}]].",
    ],
    "vehicle": [
        lambda r: f"Driver of the car with plate [[{code(r, 3, 4)}]].",
        lambda r: f"VIN [[1HGCM8{digits(r, 5)}{digits(r, 6)}]].",
        lambda r: f"License plate number [[{code(r, 2, 4)}]].",
    ],
    "device": [
        lambda r: f"Pacemaker serial number [[{code(r, 3, 6)}]].",
        lambda r: f"The port (lot [[{code(r, 2, 5)}]]) is in place.",
        lambda r: f"S/N: [[{digits(r, 8)}]].",
        lambda r: f"A generator [[{code(r, 3, 6)}]] was implanted.",
    ],
    "URL": [
        lambda r: f"Images at [[https://pacs.example.org/v/{digits(r, 6)}]].",
        lambda r: f"See [[www.example-hospital.org/{code(r, 2, 3)}]].",
        lambda r: "Portal: [[portal.example.com]].",
    ],
    "IP address": [
        lambda r: f"Sent from [[10.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(1, 254)}]].",
        lambda r: f"Station [[fe80::{digits(r, 4)}:{digits(r, 2)}ff]].",
    ],
    "other number": [
        lambda r: f"Accession number [[{code(r, 2, 7)}]].",
        lambda r: f"Order [[{digits(r, 9)}]].",
        lambda r: f"Study UID [[1.2.840.{digits(r, 6)}.1.2.{digits(r, 8)}.{digits(r, 3)}1]].",
        lambda r: f"Reference [[{code(r, 4, 3)}]].",
    ],
}  # fmt: skip


def insert(report: str, sentence: str, rng: random.Random) -> tuple[str, int, int]:
    """Return the report with the sentence in it, and the place of the identifier."""
    ends = [end for _, end in split_sentences(report, 0, len(report))] or [len(report)]
    at = rng.choice(ends)
    before, _, rest = sentence.partition("[[")
    inside, _, after = rest.partition("]]")
    start = at + 1 + len(before)
    text = f"{report[:at]} {before}{inside}{after}{report[at:]}"
    return text, start, start + len(inside)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--split", default="train")
    parser.add_argument("--limit", type=int, help="reports; default: all")
    args = parser.parse_args()
    archive = open_archive("openi")
    records = [r for r in archive.index().to_pylist() if r["split"] == args.split]
    reports = [s.report for s in archive.read(records) if isinstance(s, Study) and s.report]
    reports = reports[: args.limit]
    rng = random.Random(0)
    alarms = Counter(each.name for report in reports for each in find_identifiers(report))
    found, named, put, missed = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for report in reports:
        for name, wordings in SAID.items():
            number = rng.randrange(len(wordings))
            text, start, end = insert(report, wordings[number](rng), rng)
            hits = [i for i in find_identifiers(text) if i.start < end and i.end > start]
            found[name] += bool(hits)
            named[name] += any(hit.name == name for hit in hits)
            put[f"{name} {number}"] += 1
            missed[f"{name} {number}"] += not hits
    print(f"{len(reports)} reports of {args.split}, each with one insertion of each class\n")
    print("| paragraph | class | found | found under this name | false alarms |")
    print("|---|---|---|---|---|")
    for name, each in CLASSES.items():
        if not each.is_in_text:
            print(f"| {each.letter} | {name} | not in text | | |")
            continue
        any_name, own = found[name] / len(reports), named[name] / len(reports)
        print(f"| {each.letter} | {name} | {any_name:.3f} | {own:.3f} | {alarms[name]} |")
    print("\nmissed, of those put, by class and number of the wording:")
    for wording, number in missed.most_common():
        if number:
            print(f"{wording}: {number} of {put[wording]}")


if __name__ == "__main__":
    main()
