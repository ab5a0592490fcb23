"""Names of public functions begin with a verb of the field: a call reads as a sentence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import radkg
from radkg.cli.app import VERBS

ROOT = Path(radkg.__file__).parent
KNOWN_VERBS = """
add align amend apply ask augment batch begin bin bind blank bootstrap bound break build calibrate
check choose clear close collate collect commit compare complete compose compute connect convert
correct count create cut decode delete describe digest draw drop embed encode escape estimate
evaluate explain explore export extract fetch fill filter find finish fit flatten fold follow
forecast forget format frame freeze generate get ground group hash hide identify ignore import
index interrupt invent iterate join judge keep label limit link list listen load locate lock look
make mark measure mend merge migrate name nest normalise number open order parse place plan plot
predict prepare print propose prune publish query quote rank read recognise record relate remove
rename repair repeat replace require resample resolve retract reverse round run sanitize save say
scale score search select send serve set show shuffle slip split stack start step stop store strip
suggest sum sweep tag take tidy tokenise train translate unify vary verify warm watch write
"""
BEGINNINGS = {*KNOWN_VERBS.split(), "is", "has", "can", "to", "from"}
DEMANDED = {
    *("forward", "state_dict", "load_state_dict"),  # torch
    *("readable", "readinto", "seek", "seekable"),  # io.RawIOBase
    *("exists", "glob", "iterdir", "relative_to", "stat"),  # pathlib.Path
    "parameter_groups",  # radkg.train.trainer
    "reconfigure",  # ray.serve
    "main",
}
COMMANDS = {getattr(verb, "__name__", "") for panel in VERBS.values() for verb in panel.values()}


def list_functions(tree: ast.Module | ast.ClassDef) -> Iterator[str]:
    """Yield the public functions and methods, without properties and verbs of the command line."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from list_functions(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            marks = " ".join(map(ast.unparse, node.decorator_list))
            if not (node.name.startswith("_") or "property" in marks or ".command(" in marks):
                yield node.name


def find_strange(source: str) -> set[str]:
    names = set(list_functions(ast.parse(source))) - DEMANDED - COMMANDS
    return {name for name in names if name.partition("_")[0] not in BEGINNINGS}


PATHS = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.rglob("*.py"))]


@pytest.mark.parametrize("module", PATHS)
def test_public_functions_begin_with_a_known_verb(module: str):
    strange = find_strange((ROOT / module).read_text())
    assert not strange, "begin with a verb of KNOWN_VERBS, or add a verb of the field there"


def test_the_verbs_are_sorted():
    assert KNOWN_VERBS.split() == sorted(KNOWN_VERBS.split())


@pytest.mark.parametrize("name", ["strange_thing", "listing", "_hidden", "list_things", "is_new"])
def test_a_name_without_a_verb_is_found(name: str):
    found = find_strange(f"class Any:\n    def {name}(self): ...\n")
    assert found == {name} - {"_hidden", "list_things", "is_new"}
