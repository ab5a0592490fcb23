"""The drafts of a study as the graph holds them, and as a fragment of HTML beside its report.

Each sentence is followed by the claims of the plan that it states, and each claim by the place in
the image from which it was read. A draft is research output: the page says so above each one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from radkg.graph import Graph
from radkg.page.markup import escape
from radkg.page.report import make_entity_id
from radkg.page.words import MEANING
from radkg.schema.drafts import Claim, Polarity
from radkg.schema.records import Entity, Label, Study

RESEARCH = "Research, not for diagnosis"

_DRAFTS = """
MATCH (s:Study {key: $study})-[:HAS_DRAFT]->(d:Draft)
RETURN properties(d) AS draft, [(d)-[:CLAIMS]->(c:Claim) | properties(c)] AS claims
ORDER BY d.reporter
"""
_FINDINGS = """
MATCH (s:Study {key: $study})-[f:HAS_FINDING {extractor: $extractor}]->(c:Concept)
RETURN c.name AS name, f.label AS label
"""
_LABELS: dict[Polarity, Label] = {"present": "OBS-DP", "uncertain": "OBS-U", "absent": "OBS-DA"}
_NOT_SAID = "not mentioned"


@dataclass(frozen=True)
class ShownDraft:
    """A draft of a study, and what the report of the study says of findings."""

    draft: Mapping[str, Any]
    """properties of the Draft"""
    plan: Sequence[Claim]
    stated: Sequence[Sequence[int]]
    """by claim: the places of the sentences that state it"""
    said: Mapping[str, str]
    """by name of a finding: present, uncertain or absent in the report"""

    @property
    def sentences(self) -> list[tuple[str, str]]:
        """Each sentence and its origin; of a text that is not cut, the whole and no origin."""
        names = ("sentence_starts", "sentence_ends", "sentence_origins")
        cuts = list(zip(*(self.draft.get(name, ()) for name in names), strict=True))
        text = self.draft["text"]
        if not cuts:
            return [(text, "")] if text else []
        return [(text[start:end], origin) for start, end, origin in cuts]


def read_drafts_of(graph: Graph, archive: str, study_id: str, extractor: str) -> list[ShownDraft]:
    """Return the drafts of a study in the graph, one for each reporter.

    Args:
        graph: any loaded graph.
        archive: of the study.
        study_id: of the study.
        extractor: whose reading of the report stands beside a claim.
    """
    key = f"{archive}/{study_id}"
    found = graph.read(_DRAFTS, study=key)
    if not found:
        return []
    findings = graph.read(_FINDINGS, study=key, extractor=extractor)
    said = {row["name"]: MEANING[row["label"]] for row in findings}
    drafts = []
    for row in found:
        claims = sorted(row["claims"], key=lambda claim: claim["ordinal"])
        stated = [claim.get("sentences", []) for claim in claims]
        drafts.append(ShownDraft(row["draft"], [_to_claim(each) for each in claims], stated, said))
    return drafts


def _to_claim(properties: Mapping[str, Any]) -> Claim:
    box = properties.get("box")
    names = ("site", "side", "degree", "image_id")
    return Claim(
        finding=properties["finding"],
        polarity=properties["polarity"],
        confidence=properties["confidence"],
        box=(box[0], box[1], box[2], box[3]) if box else None,
        **{name: properties.get(name) for name in names},
    )


def write_draft_html(
    shown: ShownDraft, study: Study, entities: Sequence[Entity], prefix: str, number: int
) -> str:
    """Return the `<section>` of a draft.

    Args:
        shown: the draft.
        study: its study, whose images are shown where they are at hand.
        entities: those that are marked in the report; a claim lights those of its finding.
        prefix: the beginning of the ids of the marks.
        number: of the draft, among those of the study.
    """
    draft = shown.draft
    status, reason = str(draft["status"]), str(draft.get("reason") or "")
    notes = [
        f"{status}: {reason}" if reason else "",
        f"{draft['dropped']} sentences were left out." if draft["dropped"] else "",
    ]
    claims = [_write_claim(claim, shown.said, study, entities, prefix) for claim in shown.plan]
    items = []
    for place, (text, origin) in enumerate(shown.sentences):
        own = [html for html, places in zip(claims, shown.stated, strict=True) if place in places]
        small = f" <small>{escape(origin)}</small>" if origin else ""
        items.append(f'<li><p dir="auto">{escape(text)}{small}</p>{_write_list(own)}</li>')
    rest = [html for html, places in zip(claims, shown.stated, strict=True) if not places]
    unstated = f"<h4>Planned, in no sentence</h4>{_write_list(rest)}" if rest else ""
    title = f"{prefix}-draft-{number}-title"
    return f"""<section class="draft" aria-labelledby="{title}">
<h3 id="{title}">Draft by {escape(str(draft["reporter"]))}
<span class="badge {escape(status)}">{escape(status)}</span></h3>
<p class="research">{RESEARCH}</p>
{"".join(f'<p class="note">{escape(note)}</p>' for note in notes if note)}
<ol class="sentences">
{"".join(items)}
</ol>
{unstated}
<p class="note">model {escape(str(draft["model_id"]))}, snapshot
{escape(str(draft["snapshot_id"]))}</p>
</section>"""


def _write_list(claims: Sequence[str]) -> str:
    return f'<ul class="claims">{"".join(claims)}</ul>' if claims else ""


def _write_claim(
    claim: Claim, said: Mapping[str, str], study: Study, entities: Sequence[Entity], prefix: str
) -> str:
    places = [i for i, entity in enumerate(entities) if entity.concept == claim.finding]
    lights = " ".join(make_entity_id(prefix, place) for place in places)
    where = " ".join(filter(None, (claim.side, claim.site)))
    parts = (claim.polarity, where, claim.degree, f"confidence {claim.confidence:.2f}")
    return (
        f'<li data-lights="{lights}" tabindex="0"{_place(claim)}><div>'
        f'<span class="entity {_LABELS[claim.polarity].lower()}">{escape(claim.finding)}</span>'
        f" <small>{escape(', '.join(filter(None, parts)))}</small>"
        f" <small>report: {said.get(claim.finding, _NOT_SAID)}</small></div>"
        f"{_write_token(claim, study)}</li>"
    )


def _place(claim: Claim) -> str:
    """Return the attributes by which the page draws a claim over the image: shares of its sides."""
    if claim.box is None or claim.image_id is None:
        return ""
    box = " ".join(f"{share:.4f}" for share in claim.box)
    return (
        f' data-box="{box}" data-image="{escape(claim.image_id)}"'
        f' data-finding="{escape(claim.finding)}"'
    )


def _write_token(claim: Claim, study: Study) -> str:
    """Return where the image shows a claim: a box on it, or on an empty frame."""
    if claim.box is None or claim.image_id is None:
        return ""
    left, top, right, bottom = (100 * share for share in claim.box)
    at_hand = any(each.image_id == claim.image_id and each.location for each in study.images)
    image = ""
    if at_hand:
        query = escape(urlencode({"study_id": study.study_id, "image_id": claim.image_id}))
        image = f'<img src="/api/image?{query}" alt="">'
    words = (
        f"{claim.finding}: from {left:.0f} to {right:.0f} % across and {top:.0f} to {bottom:.0f} %"
        f" down image {claim.image_id}{'' if at_hand else ', which is not at hand'}"
    )
    style = (
        f"left: {left:.2f}%; top: {top:.2f}%; width: {right - left:.2f}%;"
        f" height: {bottom - top:.2f}%"
    )
    kind = "token" if at_hand else "token frame"
    return (
        f'<div class="{kind}" role="img" aria-label="{escape(words)}" title="{escape(words)}">'
        f'{image}<span style="{style}"></span></div>'
    )
