import base64
import hashlib
import re
from importlib.resources import files

import pytest

from radkg.page import write_page
from radkg.schema.answer import Answer
from tests.page.invented import crowded
from tests.page.reading import read_html

ANSWER = Answer("top", "Which findings?", {}, ["finding", "n"], [["a", 1]])


def whole_page(**changes: object) -> str:
    arguments: dict[str, object] = {
        "summary": {"studies": 1234, "model id": "m1"},
        "answers": [ANSWER],
        "studies": [crowded("s1"), crowded("s2")],
    }
    return write_page("Title", **{**arguments, **changes})  # type: ignore[arg-type]


def test_the_page_is_well_formed_and_every_id_is_its_own() -> None:
    root = read_html(whole_page().removeprefix("<!DOCTYPE html>"))
    ids = re.findall(r' id="([^"]+)"', whole_page())
    assert len(ids) == len(set(ids))
    assert root.children[0].attributes["lang"] == "en"
    assert [h.text for h in root.all("h1")] == ["Title"]
    assert [o.text for o in root.all("option")] == ["s1", "s2"]
    assert [d.text for d in root.all("dl", "facts-list")[0].all("dd")] == ["1,234", "m1"]


def test_references_lead_to_elements() -> None:
    html = whole_page()
    ids = set(re.findall(r' id="([^"]+)"', html))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= ids
    assert set(re.findall(r'aria-labelledby="([^"]+)"', html)) <= ids


def test_the_same_input_gives_the_same_text() -> None:
    assert whole_page() == whole_page()


def test_no_address_and_only_our_own_script() -> None:
    html = whole_page()
    assert "://" not in html
    assert "@import" not in html
    assert not re.search(r"url\(", html)
    root = read_html(html.removeprefix("<!DOCTYPE html>"))
    (script,) = root.all("script")
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    (policy,) = [m for m in root.all("meta") if "http-equiv" in m.attributes]
    assert policy.attributes["content"].split("; ")[:4] == [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
        "img-src data:",
    ]


def test_placeholders_in_the_input_stay_text() -> None:
    html = whole_page(about="$script ${style} $$", summary={"$title": "$answers"})
    root = read_html(html.removeprefix("<!DOCTYPE html>"))
    assert root.all("p", "about")[0].text == "$script ${style} $$"
    assert root.all("dl", "facts-list")[0].text.strip() == "$title$answers"


def test_an_empty_page() -> None:
    root = read_html(write_page("T", summary={}).removeprefix("<!DOCTYPE html>"))
    assert "No questions." in root.text
    assert "No studies." in root.text


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        *[(f, b, 4.5) for f in ("ink", "quiet", "accent") for b in ("ground", "paper")],
        *[("ink", tint, 4.5) for tint in ("anat-tint", "dp-tint", "u-tint", "da-tint")],
        *[("quiet", tint, 4.5) for tint in ("anat-tint", "dp-tint", "u-tint", "da-tint")],
        *[
            (r, b, 4.5)
            for r in ("modify", "located_at", "suggestive_of")
            for b in ("ground", "paper")
        ],
        *[(line, "paper", 3.0) for line in ("anat", "dp", "u", "da")],
        *[(f"{label}", f"{label}-tint", 3.0) for label in ("anat", "dp", "u", "da")],
        ("bar", "track", 3.0),
    ],
)
def test_contrast(scheme: str, front: str, back: str, least: float) -> None:
    css = files("radkg.page").joinpath("page.css").read_text(encoding="utf-8")
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w{6});", part)) for part in _schemes(css))
    colours = light if scheme == "light" else dark
    high, low = sorted((_luminance(colours[front]), _luminance(colours[back])), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= least


def _schemes(css: str) -> tuple[str, str]:
    light, _, rest = css.partition("@media screen and (prefers-color-scheme: dark)")
    return light, rest.partition("* {")[0]
