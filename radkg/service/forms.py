"""The forms of an answer: which one a client accepts, and how answers of a batch are joined."""

from __future__ import annotations

from collections.abc import Sequence

from radkg.service.refusal import Refusal
from radkg.service.submission import Form

MEDIA_TYPES: dict[Form, str] = {
    "radkg": "application/json",
    "radgraph": "application/radgraph+json",
    "fhir": "application/fhir+json",
}
"""of an answer, by its form"""
FHIR_LINES = "application/fhir+ndjson"  # of a batch: a Bundle a line, as the export has it
_ANY = ("*/*", "application/*")


def choose_form(accept: str, offered: Sequence[Form], *, batch: bool = False) -> Form:
    """Return the form that a client likes best.

    Args:
        accept: header of the request; empty: anything.
        offered: forms that there are, the best first.
        batch: whether there are several studies.

    Raises:
        Refusal: the client accepts none of them.
    """
    types = {form: get_media_type(form, batch=batch) for form in offered}
    best: tuple[float, Form] | None = None
    for part in accept.split(",") if accept.strip() else ["*/*"]:
        name, _, parameters = part.strip().lower().partition(";")
        weight = _read_weight(parameters)
        for form in offered:
            fits = name.strip() in (types[form], MEDIA_TYPES[form])
            if not fits and name.strip() in _ANY and form == offered[0]:
                fits = True
            if fits and weight > 0 and (best is None or weight > best[0]):
                best = weight, form
    if best is None:
        raise Refusal(406, f"the answer is one of {', '.join(types.values())}")
    return best[1]


def get_media_type(form: Form, *, batch: bool = False) -> str:
    """Return the media type of an answer."""
    return FHIR_LINES if batch and form == "fhir" else MEDIA_TYPES[form]


def join_answers(form: Form, bodies: Sequence[bytes]) -> bytes:
    """Return the answer to a batch of the answers to its studies."""
    if form == "fhir":
        return b"".join(body + b"\n" for body in bodies)
    if form == "radgraph":  # each is an object with one document
        return b"{" + b",".join(body[1:-1] for body in bodies) + b"}"
    return b'{"rows":[' + b",".join(bodies) + b"]}"


def _read_weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0
