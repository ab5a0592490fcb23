"""A knowledge graph against a published table of relations."""

import pytest

from radkg.interchange.relations import read_relations
from radkg.knowledge.comparison import compare_with_table, name_concept
from tests.knowledge.test_diff import graph
from tests.support.archives.data import require_data
from tests.support.runs.rows import row

HEAD = "source_index,target_index,source_entity,target_entity,type,count\n"
TABLE = HEAD + (
    "C1,left,effusions,left,located_at,40\n"  # effusion, as radkg names it
    "small,C1,Small,effusion,suggestive_of,9\n"  # another relation of a pair that we have
    "C1,C2,effusion,edema,modify,7\n"
    "C1,C1b,effusion,effusions,modify,5\n"  # of a concept to itself
)


def compare(tmp_path, table=TABLE, rows=None):
    (tmp_path / "t.csv").write_text(table)
    ours = graph(rows or [row("s1"), row("s2")])
    found = compare_with_table(ours, read_relations(tmp_path / "t.csv"))
    return found, {each.what: each for each in found.agreements}


def test_names_of_the_table_become_concepts():
    assert name_concept("opacities") == "opacity"
    assert name_concept("lungs") == "lung"
    assert name_concept("no such word") == "no such word"


def test_what_both_have_is_shared_with_the_shares_of_both(tmp_path):
    found, by_name = compare(tmp_path)
    assert found.theirs == {
        "rows": 4,
        "names": 5,
        "concepts": 4,
        "rows of a concept to itself": 1,
    }
    concepts = by_name["concepts"]
    assert (concepts.ours, concepts.theirs, concepts.shared) == (3, 4, 3)
    assert (concepts.share_of_ours, concepts.share_of_theirs) == (1.0, 0.75)
    assert concepts.counts_of_theirs == pytest.approx(1 - 7 / 112, abs=1e-4)
    edges = by_name["edges"]
    assert (edges.ours, edges.theirs, edges.shared) == (2, 3, 1)
    assert edges.counts_of_ours == 0.5
    pairs = by_name["pairs"]
    assert (pairs.shared, pairs.share_of_ours) == (2, 1.0)
    assert pairs.rank_correlation is None  # ours are equal


def test_counts_of_one_order_correlate(tmp_path):
    table = HEAD + "a,b,effusion,left,located_at,2\nc,a,small,effusion,modify,9\n"
    rows = [row("s1"), row("s2", relations=row("s").relations[:1])]  # small modify effusion
    _, by_name = compare(tmp_path, table, rows)
    assert by_name["edges"].rank_correlation == 1.0
    _, by_name = compare(tmp_path, table.replace(",2\n", ",20\n"), rows)
    assert by_name["edges"].rank_correlation == -1.0


def test_the_published_table_is_read_and_named():
    known = read_relations(require_data("kg") / "M3KG_kg_relations.csv")
    found = compare_with_table(graph([row("s1")]), known)
    assert (found.theirs["rows"], found.theirs["names"]) == (37_424, 3_068)
    assert {each.what: each.shared for each in found.agreements}["concepts"] == 3
