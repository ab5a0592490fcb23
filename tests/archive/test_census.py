import json
from dataclasses import fields

import pytest
from typer.testing import CliRunner

from radkg.archive import open_archive
from radkg.archive.census import EXCLUSIONS, take_census
from radkg.cli.app import app
from radkg.errors import TooManyFailures
from radkg.extractor import extract_rows, load_extractor
from radkg.run.settings import ExtractConfig
from tests.archive.formats.test_table import write
from tests.support.archives.mimic import make_mimic

INVENTED = [
    {"study_id": "a", "report": "FINDINGS: Clear.\nIMPRESSION: Normal.", "split": "train"}
    | {"subject_id": "p1", "images": "1.png;2.png"},
    {"study_id": "b", "report": "FINDINGS:  clear.\nIMPRESSION: Normal.", "split": "test"}
    | {"subject_id": "p1", "images": "3.png"},
    {"study_id": "c", "report": "INDICATION: Cough.", "split": "train"},
    {"study_id": "d", "report": " ", "split": "train"},
    {"study_id": "c", "report": "IMPRESSION: Another.", "split": "train"},
    {"study_id": "", "report": "IMPRESSION: Nobody's.", "split": "train"},
    {"study_id": "e", "report": "IMPRESSION: 5.", "split": "", "study_date": "May 5"},
    {"study_id": "f", "report": "IMPRESSION: 6.", "split": "", "study_date": "June 66"},
    {"study_id": "g", "report": "IMPRESSION: Derrame pleural izquierdo.", "split": "test"},
]


@pytest.fixture
def invented(tmp_path):
    keys = ("study_id", "report", "subject_id", "study_date", "split", "images")
    rows = [dict.fromkeys(keys, "") | row for row in INVENTED]
    (tmp_path / "images").mkdir()
    (tmp_path / "images/2.png").write_bytes(b"never opened")
    return write(tmp_path / "invented.csv", rows), tmp_path / "images"


def test_an_archive_whose_numbers_are_known(invented):
    table, images = invented
    census = take_census(open_archive(str(table), str(images))).to_dict()
    assert list(census["splits"]) == ["all", "no split", "test", "train"]
    assert census["splits"]["all"] == {
        "studies": 8,
        "patients": 7,
        "images": 3,
        "images_at_hand": 1,
        "further_rows": 1,
        "views": {"unknown": 3},
        "excluded": {
            "unreadable": 3,
            "duplicate_id": 0,
            "no_report_text": 1,
            "no_findings_or_impression": 1,
            "duplicate_text": 1,
            "not_in_english": 1,
            "no_image": 6,
            "no_image_at_hand": 7,
            "no_frontal_image": 8,
            "unknown_view": 2,
        },
        "refused": {
            "by_every_extractor": 3,
            "by_models_that_read_reports": 4,
            "from_images_alone": 7,
        },
        "unreadable": {
            "it has no study_id": 1,
            "study_date is no date such as N-N-N": 2,
        },
    }
    assert census["splits"]["test"]["excluded"]["duplicate_text"] == 1
    assert census["splits"]["no split"]["studies"] == 2
    for name in ("studies", "images", "images_at_hand"):
        parts = [counts[name] for split, counts in census["splits"].items() if split != "all"]
        assert sum(parts) == census["splits"]["all"][name]


@pytest.mark.parametrize("extractor", ["rules", "onepass"])
def test_extract_refuses_as_many_studies_as_the_census_says(invented, extractor):
    archive = open_archive(str(invented[0]))
    rows = extract_rows(load_extractor(extractor), archive.read(archive.index().to_pylist()))
    refusal = "by_every_extractor" if extractor == "rules" else "by_models_that_read_reports"
    refused = take_census(archive).splits["all"].refused[refusal]
    assert sum(row.status == "failed" for row in rows) == refused > 0


def test_the_notes_say_how_much_may_fail(invented):
    *_, budget = take_census(open_archive(str(invented[0]))).list_notes()
    (share,) = (f.default for f in fields(ExtractConfig) if f.name == "max_failed")
    assert f"{share:.0%}" == "5%"
    assert "--max-failed of all studies fail, 5 %" in budget
    assert f"exit code {TooManyFailures.exit_code} where" in budget


def test_views_are_counted(tmp_path):
    made = make_mimic(10)
    images = made.write_images(tmp_path / "images")
    census = take_census(open_archive(str(made.write_zip(tmp_path)), str(images)))
    total = census.splits["all"]
    assert (total.studies, total.images, total.images_at_hand) == (10, 20, 20)
    assert total.views == {"AP": 4, "PA": 4, "LATERAL": 4, "LL": 4, "unknown": 4}
    # Of five pairs of views that follow each other: lateral with LL; LL or AP with unknown.
    assert (total.excluded["no_frontal_image"], total.excluded["unknown_view"]) == (4, 4)


def test_the_numbers_are_the_same_wherever_the_archive_lies(invented, tmp_path):
    table, images = invented
    first = take_census(open_archive(str(table), str(images))).to_dict()
    (tmp_path / "elsewhere").mkdir()
    again = table.rename(tmp_path / "elsewhere/other.csv")
    moved = images.rename(tmp_path / "elsewhere/images")
    assert take_census(open_archive(str(again), str(moved))).to_dict() == first
    again.write_text(again.read_text().replace("Cough", "Fever"))
    changed = take_census(open_archive(str(again), str(moved))).to_dict()
    assert changed["splits"] == first["splits"]
    assert changed["fingerprint"] != first["fingerprint"]


def test_open_i_of_the_wheel():
    """Against counts that were made apart from radkg: reports, images, those without."""
    counts = take_census(open_archive("openi")).to_dict()["splits"]["all"]
    assert (counts["studies"], counts["patients"], counts["images"]) == (3_955, 3_955, 7_470)
    assert (counts["images_at_hand"], counts["excluded"]["no_image_at_hand"]) == (0, 3_955)
    assert (counts["excluded"]["no_image"], counts["excluded"]["unreadable"]) == (104, 0)
    assert counts["excluded"]["no_findings_or_impression"] == 28
    assert {view: counts["views"][view] for view in ("AP", "LL", "LATERAL")} == {
        "AP": 423,
        "LL": 717,
        "LATERAL": 119,
    }
    # 3,593 and 2,586 rows of the DICOM metadata, two of which name no image of a report; three
    # images of reports are in no row.
    assert (counts["views"]["PA"], counts["views"]["unknown"]) == (3_591, 2_586 + 3)
    assert counts["excluded"]["duplicate_text"] == 770


def test_the_table_and_the_json_say_the_same(invented):
    table, images = invented
    arguments = ["census", str(table), "--images", str(images)]
    census = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    shown = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    lines = {
        cells[1].strip(): [int(c) for c in cells[2:-1]]
        for line in shown.stdout.splitlines()
        if len(cells := line.split("│")) > 3
    }
    for name in EXCLUSIONS:
        line = lines[f"studies, {name.replace('_', ' ')}"]
        assert line == [counts["excluded"][name] for counts in census["splits"].values()]
    assert census["fingerprint"] in shown.stdout


def test_what_an_archive_says_is_no_markup(tmp_path):
    (tmp_path / "df_chexpert_plus_1.csv").write_text(
        "path_to_image,report,section_findings,section_impression,ap_pa\n"
        "train/patient1/study1/view1.jpg,x,,,[/red] :smile:\n"
    )
    shown = CliRunner().invoke(app, ["census", str(tmp_path)])
    assert shown.exit_code == 0
    assert "view [/RED] :SMILE:" in shown.stdout
