"""Two documents as RadGraph is published: no key of radkg's, offsets in tokens alone."""

import json

FIRST = "No effusion . Small left nodule ."
SECOND = "Possible pneumonia ."


def entity(tokens, label, first, last=None, relations=()):
    last = first if last is None else last
    place = {"start_ix": first, "end_ix": last}
    return {"tokens": tokens, "label": label, **place, "relations": list(relations)}


def make_documents():
    """Return two documents as RadGraph is published: no key of radkg's, no characters."""
    return {
        "p1.txt": {
            "text": FIRST,
            "data_source": "MIMIC-CXR",
            "entities": {
                "1": entity("effusion", "OBS-DA", 1),
                "2": entity("Small", "OBS-DP", 3, relations=[["modify", "4"]]),
                "3": entity("left", "ANAT-DP", 4),
                "4": entity("nodule", "OBS-DP", 5, relations=[["located_at", "3"]]),
            },
        },
        "p2.txt": {
            "text": SECOND,
            "data_source": "CheXpert",
            "entities": {"1": entity("pneumonia", "OBS-U", 1)},
        },
    }


def write(path, documents):
    path.write_text(json.dumps(documents))
    return str(path)
