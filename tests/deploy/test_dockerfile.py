"""The image: its base is pinned, what it copies exists, and nothing in it runs as root."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
KNOWN = {"FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "CMD"}


def read_instructions(text: str) -> list[tuple[str, str]]:
    """Return instructions and arguments, continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in joined]


FOUND = read_instructions((ROOT / "deploy/Dockerfile").read_text())


def arguments(instruction: str) -> list[str]:
    return [text for name, text in FOUND if name == instruction]


def test_every_instruction_is_known():
    assert {name for name, _ in FOUND} <= KNOWN


def test_the_base_is_one_version():
    (base,) = arguments("FROM")
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base)


def test_what_is_copied_exists_and_reaches_the_builder():
    ignored = (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    for text in arguments("COPY"):
        *sources, _ = text.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored, source
    sent = {line[1:] for line in ignored if line.startswith("!")}
    assert sent == {source for text in arguments("COPY") for source in text.split()[:-1]}


def test_the_weights_stand_in_what_is_copied():
    shipped = list((ROOT / "radkg/model/shipped").rglob("*.safetensors"))
    assert len(shipped) >= 3


def test_dependencies_are_the_exact_ones():
    assert any("--constraint constraints.txt ." in text for text in arguments("RUN"))


def test_it_does_not_run_as_root():
    user = max(i for i, (name, _) in enumerate(FOUND) if name == "USER")
    assert FOUND[user][1].split(":")[0].isdigit()
    assert int(FOUND[user][1].split(":")[0]) > 0
    assert all(name != "RUN" for name, _ in FOUND[user:])
