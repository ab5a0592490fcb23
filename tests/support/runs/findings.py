"""The definition of a finding, mention by mention: what the columns of radkg must give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from radkg.schema.mentions import STRENGTH
from radkg.schema.sides import read_side


def group_mentions(record: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the mentions of each finding, indices into the entities, by name of the concept."""
    modifying = {r["head"] for r in record["relations"] if r["relation"] == "modify"}
    by_concept: dict[str, list[int]] = {}
    for index, entity in enumerate(record["entities"]):
        if entity["label"] in STRENGTH and index not in modifying:
            by_concept.setdefault(entity["concept"], []).append(index)
    return by_concept


def select_own_mentions(record: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return those mentions of each finding that have its label."""
    labels = [entity["label"] for entity in record["entities"]]
    grouped = group_mentions(record).items()
    return {
        name: [i for i in found if labels[i] == find_strongest(labels[j] for j in found)]
        for name, found in grouped
    }


def describe_findings(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the findings of a row of the extraction table, without what is null."""
    entities = record["entities"]
    labels = [entity["label"] for entity in entities]
    names = [entity["concept"] for entity in entities]
    links: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for relation in record["relations"]:
        head, tail, kind = relation["head"], relation["tail"], relation["relation"]
        if kind == "modify":
            is_new = not set(names[head].split()) <= set(names[tail].split())
            links[kind, tail] += [head] * (is_new and labels[head] in (labels[tail], "ANAT-DP"))
        else:
            links[kind, head].append(tail)

    def follow(kind: str, indices: Iterable[int]) -> list[int]:
        return [other for index in indices for other in links.get((kind, index), ())]

    def name_all(indices: Iterable[int], sided: Iterable[int] = ()) -> list[str] | None:
        return sorted({names[index] for index in indices} | set(name_sides(sided))) or None

    def name_sides(indices: Iterable[int]) -> list[str]:
        return [side for index in indices if (side := read_side(entities[index]["text"]))]

    def name_place(index: int) -> str:
        modifiers = dict.fromkeys(names[i] for i in sorted(follow("modify", [index])))
        return " ".join([*modifiers, *name_sides([index]), names[index]])

    own_mentions = select_own_mentions(record)
    found = []
    for name, indices in group_mentions(record).items():
        own = own_mentions[name]
        strongest = max(own, key=lambda index: entities[index]["confidence"])
        sites = follow("located_at", own)
        by_source = {
            source: [labels[i] for i in indices if entities[i]["source"] == source]
            for source in ("image", "report")
        }
        columns = {
            "concept": f"observation:{name}",
            "name": name,
            "label": labels[strongest],
            "confidence": entities[strongest]["confidence"],
            "mentions": len(indices),
            "present": sum(labels[index] == "OBS-DP" for index in indices),
            "absent": sum(labels[index] == "OBS-DA" for index in indices),
            "by_image": find_strongest(by_source["image"]),
            "by_report": find_strongest(by_source["report"]),
            "sections": sorted({entities[i]["section"] or "none" for i in indices}),
            "modifiers": name_all(follow("modify", own)),
            "sites": name_all(sites, sided=own),
            "site_modifiers": name_all(follow("modify", sites), sided=sites),
            "suggests": name_all(follow("suggestive_of", own)),
            "extractor": record["extractor"],
            "strongest": strongest,
            "places": sorted(set(map(name_place, sites))) or None,
        }
        found.append({name: value for name, value in columns.items() if value is not None})
    return found


def find_strongest(labels: Iterable[str]) -> str | None:
    """Return the strongest of some labels; None of none."""
    order: Sequence[str] = STRENGTH
    return max(labels, key=order.index, default=None)
