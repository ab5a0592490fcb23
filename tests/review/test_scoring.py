import json

import pytest
import typer
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.errors import ConfigError, SchemaError, StorageError
from radkg.review import score_sheets
from radkg.review.sheet import write_csv

A, R, U = "accept", "reject", "unsure"


def sheet(path, verdicts, snapshot="snap"):
    """Two triplets per study; relations and confidences alternate."""
    rows = []
    for i, verdict in enumerate(verdicts):
        relation, confidence = ("modify", "0.9500") if i % 2 == 0 else ("located_at", "0.2500")
        ends = ["a", "OBS-DP", relation, "b", "ANAT-DP", confidence]
        number = str(i % 2 + 1)
        rows.append([snapshot, f"S{i // 2}", number, "findings", "text", *ends, verdict, ""])
    path.write_text(write_csv(rows), encoding="utf-8", newline="")
    return path


def test_shares_are_of_accepted_and_rejected(tmp_path):
    file = sheet(tmp_path / "one.csv", [A, A, A, R, U, "", A, R])
    report = score_sheets([file])
    (one,) = report["sheets"]
    assert (one["rows"], one["accept"], one["reject"], one["unsure"]) == (8, 4, 2, 1)
    assert (one["unfilled"], one["unfilled_rows"]) == (1, ["S2 triplet 2"])
    assert (one["accepted"]["rate"], one["accepted"]["of"]) == (0.6667, 6)
    low, high = one["accepted"]["interval_95"]
    assert low <= 0.6667 <= high
    assert one["per_relation"]["modify"]["rate"] == 1
    assert one["per_relation"]["located_at"] == {
        "rate": 0.3333,
        "of": 3,
        "interval_95": one["per_relation"]["located_at"]["interval_95"],
    }
    bins = one["per_confidence"]["bins"]
    assert [(b["count"], b["accuracy"]) for b in bins] == [(3, 0.3333), (3, 1.0)]
    assert report["agreement"] is None


def test_two_readers_have_cohens_kappa_over_what_both_judged(tmp_path):
    one = sheet(tmp_path / "one.csv", [A, A, R, R, A, ""])
    other = sheet(tmp_path / "two.csv", [A, R, R, R, "", A])
    agreement = score_sheets([one, other])["agreement"]
    # over 4: 3 agree; by chance (2/4 * 1/4 + 2/4 * 3/4) = .5
    assert agreement == {
        "readers": 2,
        "triplets": 4,
        "raw": 0.75,
        "kappa": 0.5,
        "kappa_of": "Cohen",
        "all_agree": 3,
    }


def test_three_readers_have_fleiss_kappa(tmp_path):
    files = [
        sheet(tmp_path / f"{i}.csv", verdicts)
        for i, verdicts in enumerate([[A, R, A, U], [A, R, A, U], [A, R, R, U]])
    ]
    agreement = score_sheets(files)["agreement"]
    assert (agreement["kappa_of"], agreement["readers"], agreement["all_agree"]) == ("Fleiss", 3, 3)
    assert agreement["raw"] == pytest.approx(10 / 12, abs=1e-4)
    by_chance = (5 / 12) ** 2 + (4 / 12) ** 2 + (3 / 12) ** 2
    assert agreement["kappa"] == pytest.approx((10 / 12 - by_chance) / (1 - by_chance), abs=1e-4)


def test_an_empty_sheet_scores_nothing_and_is_no_error(tmp_path):
    report = score_sheets([sheet(tmp_path / "one.csv", ["", ""])])
    (one,) = report["sheets"]
    assert one["accepted"] == {"rate": None, "of": 0, "interval_95": None}
    assert one["unfilled"] == 2


def test_sheets_that_cannot_be_scored_are_refused(tmp_path):
    one = sheet(tmp_path / "one.csv", [A, R])
    with pytest.raises(ConfigError, match="no triplet is judged in all of"):
        score_sheets([one, sheet(tmp_path / "two.csv", [A, R], snapshot="other")])
    with pytest.raises(ConfigError, match="each once"):
        score_sheets([one, one])
    with pytest.raises(ConfigError, match="one or more"):
        score_sheets([])
    with pytest.raises(SchemaError, match=r"three.csv line 3: verdict 'perhaps'"):
        score_sheets([sheet(tmp_path / "three.csv", [A, "perhaps"])])
    with pytest.raises(StorageError, match=r"none.csv: No such file"):
        score_sheets([tmp_path / "none.csv"])
    (tmp_path / "latin.csv").write_bytes(b"\xe9\xff")
    with pytest.raises(SchemaError, match="save the sheet as CSV UTF-8"):
        score_sheets([tmp_path / "latin.csv"])


def test_the_command_line_makes_and_scores(published, tmp_path):
    path = tmp_path / "s.csv"
    arguments = ["review", "make", str(path), "--out", str(published), "--studies", "3"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("3 studies, ")
    path.write_text(path.read_text("utf-8-sig").replace(",0.9000,,", ",0.9000,accept,"), "utf-8")
    done = CliRunner().invoke(app, ["review", "score", str(path)])
    assert "accepted, all: 1.000 [1.000, 1.000]" in done.stdout
    done = CliRunner().invoke(app, ["review", "score", str(path), "--json"])
    assert json.loads(done.stdout)["sheets"][0]["accepted"]["rate"] == 1


def test_every_flag_has_help():
    commands = typer.main.get_command(app).commands["review"].commands
    assert set(commands) == {"make", "score"}
    for command in commands.values():
        assert command.help
        assert all(p.help or p.name == "help" for p in command.params)


def test_people_see_the_agreement_and_what_is_unfilled(tmp_path):
    files = [sheet(tmp_path / f"{i}.csv", [A, R, ""]) for i in range(2)]
    done = CliRunner().invoke(app, ["review", "score", *map(str, files)])
    assert (
        "2 readers, 2 triplets judged by all: raw agreement 1.000, Cohen's kappa 1" in done.stdout
    )
    assert "unfilled: S1 triplet 1" in done.stdout
