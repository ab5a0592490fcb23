"""What a request may be, and what each that may not gets: a status, and none of its words."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient

from radkg.interchange.documents import read_radgraph
from radkg.service.app import make_app
from radkg.service.forms import FHIR_LINES, MEDIA_TYPES, choose_form
from radkg.service.refusal import MEDIA_TYPE, Refusal
from radkg.service.settings import ServiceConfig

EXTRACT, BATCH = "/v1/extract", "/v1/extract/batch"
CANARY = "Zebulon Quackenbush"
REPORT = "FINDINGS: Small left pleural effusion. No pneumothorax."
JSON = {"content-type": "application/json"}


def test_a_report_has_entities_relations_findings_and_evidence(rules):
    answer = rules.post(EXTRACT, json={"report": REPORT}).json()
    assert {e["concept"] for e in answer["entities"]} >= {"effusion", "pneumothorax"}
    assert {r["relation"] for r in answer["relations"]} == {"modify", "located_at"}
    found = {f["finding"]: f for f in answer["findings"]}
    assert {name: f["state"] for name, f in found.items()} == {
        "effusion": "present",
        "pneumothorax": "absent",
    }
    for finding in found.values():
        evidence = finding["evidence"]
        assert REPORT[evidence["start"] : evidence["end"]] == evidence["text"]
        assert answer["entities"][evidence["entity"]]["text"] == evidence["text"]
        assert 0 < finding["confidence"] <= 1
    assert len(answer["model_id"]) == 16


def test_a_report_may_come_as_json_as_text_or_in_a_form(rules):
    as_json = rules.post(EXTRACT, json={"report": REPORT})
    text = {"content-type": "text/plain; charset=utf-8"}
    as_text = rules.post(EXTRACT, content=REPORT, headers=text)
    as_form = rules.post(EXTRACT, files={"report": (None, REPORT)})
    as_file = rules.post(EXTRACT, files={"report": ("report.txt", REPORT)})
    assert as_json.json() == as_text.json() == as_form.json() == as_file.json()


def test_what_is_known_of_a_study_is_in_its_row(rules):
    known = {
        "study_id": "s",
        "subject_id": "p",
        "study_date": "2020-01-31",
        "age": 95,
        "sex": "male",
    }
    row = rules.post(EXTRACT, json={"report": REPORT, **known}).json()
    assert {name: row[name] for name in known} == known | {"age": 90}
    form = {name: (None, str(value)) for name, value in known.items()}
    assert rules.post(EXTRACT, files={"report": (None, REPORT), **form}).json() == row


@pytest.mark.parametrize(("form", "kind"), MEDIA_TYPES.items())
def test_the_client_chooses_the_form_of_the_answer(rules, form, kind):
    answer = rules.post(EXTRACT, json={"report": REPORT, "study_id": "s"}, headers={"accept": kind})
    assert answer.headers["content-type"] == kind
    if form == "radgraph":
        (document,) = read_radgraph(answer.content, "the answer")
        assert (document.report, document.extraction.study_id) == (REPORT, "s")
        assert document.extraction.entities
    if form == "fhir":
        from fhir.resources.R4B.bundle import Bundle

        bundle = Bundle.model_validate_json(answer.content)
        kinds = [entry.resource.get_resource_type() for entry in bundle.entry]
        assert kinds.count("Observation") == 2
        assert "effusion" not in str(bundle.entry[0])


def test_several_reports_have_a_row_each_in_order(rules):
    studies = [{"report": "Effusion."}, {"report": ""}, {"report": REPORT, "study_id": "s"}]
    rows = rules.post(BATCH, json={"studies": studies}).json()["rows"]
    assert [row["status"] for row in rows] == ["ok", "empty", "ok"]
    for study, row in zip(studies, rows, strict=True):
        assert rules.post(EXTRACT, json=study).json() == row
    asked = {"accept": MEDIA_TYPES["radgraph"]}
    found = rules.post(BATCH, json={"studies": studies}, headers=asked)
    assert len(read_radgraph(found.content, "the answer")) == 3
    lines = rules.post(BATCH, json={"studies": studies}, headers={"accept": FHIR_LINES})
    assert [json.loads(x)["resourceType"] for x in lines.text.splitlines()] == ["Bundle"] * 3


def test_two_clients_may_call_different_studies_by_one_name(rules):
    one, other = ({"report": text, "study_id": "s"} for text in ("Effusion.", "No mass."))
    for study, concept in ((one, "effusion"), (other, "mass"), (one, "effusion")):
        (entity,) = rules.post(EXTRACT, json=study).json()["entities"]
        assert entity["concept"] == concept
    refused = rules.post(BATCH, json={"studies": [one, other]})
    assert (refused.status_code, "same study_id" in refused.text) == (422, True)


BAD = {
    "no JSON": (f'{{"report": "{CANARY}'.encode(), JSON, 400),
    "not UTF-8": (b'{"report": "\xff Quackenbush"}', JSON, 400),
    "half a surrogate pair": (f'{{"report": "\\ud800 {CANARY}"}}'.encode(), JSON, 400),
    "text that is not UTF-8": (b"\xff Quackenbush", {"content-type": "text/plain"}, 400),
    "a list": (json.dumps([CANARY]).encode(), JSON, 422),
    "no report": (json.dumps({"study_id": CANARY}).encode(), JSON, 422),
    "a number": (b'{"report": 7.25}', JSON, 422),
    "an object": (json.dumps({"report": {CANARY: CANARY}}).encode(), JSON, 422),
    "a field nobody knows": (json.dumps({"report": "x", CANARY: CANARY}).encode(), JSON, 422),
    "no date": (json.dumps({"report": "x", "study_date": CANARY}).encode(), JSON, 422),
    "no sex": (json.dumps({"report": "x", "sex": CANARY}).encode(), JSON, 422),
    "no age": (json.dumps({"report": "x", "age": CANARY}).encode(), JSON, 422),
    "an age of 151": (b'{"report": "x", "age": 151}', JSON, 422),
    "a name too long": (json.dumps({"report": "x", "study_id": CANARY * 90}).encode(), JSON, 422),
    "a blank name": (b'{"report": "Quackenbush", "study_id": " "}', JSON, 422),
    "deep nesting": (b"[" * 100_000, JSON, 400),
    "no body": (b"", JSON, 400),
    "another type": (CANARY.encode(), {"content-type": "application/xml"}, 415),
    "no type": (CANARY.encode(), {}, 415),
    "a form without a border": (CANARY.encode(), {"content-type": "multipart/form-data"}, 400),
    "a damaged form": (
        f"--x\r\nContent-Disposition: {CANARY}\r\n\r\n".encode(),
        {"content-type": "multipart/form-data; boundary=x"},
        400,
    ),
    "too many bytes": (json.dumps({"report": CANARY * 20_000}).encode(), JSON, 413),
}


@pytest.mark.parametrize(("body", "headers", "status"), BAD.values(), ids=BAD)
def test_bad_input_gets_a_status_and_hears_none_of_its_words(rules, capfd, body, headers, status):
    answer = rules.post(EXTRACT, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert set(answer.json()) == {"title", "status", "detail"}
    for word in (*CANARY.split(), "7.25"):
        assert word not in answer.text + str(answer.headers)
        assert word not in "".join(capfd.readouterr())


def test_a_body_in_chunks_is_bounded_too(rules):
    def chunks():
        for _ in range(30):
            yield b"x" * 10_000

    answer = rules.post(EXTRACT, content=chunks(), headers=JSON)
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")


@pytest.mark.parametrize(
    "report", ["Effusion\0 on the left.", "\0", "e\u0301 effusion \U0001f600 mass"]
)
def test_strange_characters_are_read_as_extract_reads_them(rules, report):
    row = rules.post(EXTRACT, json={"report": report}).json()
    assert row["status"] in ("ok", "empty")
    for entity in row["entities"]:
        assert report[entity["start"] : entity["end"]] == entity["text"]


def test_a_model_that_looks_at_no_image_refuses_them(rules):
    answer = rules.post(EXTRACT, files={"report": (None, "x"), "image": ("a.png", b"\x89PNG")})
    assert (answer.status_code, "looks at no images" in answer.text) == (422, True)


def test_more_studies_than_the_queue_holds_are_too_many_for_one_request(rules):
    answer = rules.post(BATCH, json={"studies": [{"report": str(n)} for n in range(9)]})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "radkg"),
        ("*/*", "radkg"),
        ("application/*", "radkg"),
        ("text/html, application/fhir+json;q=0.5", "fhir"),
        ("application/json;q=0.1, application/radgraph+json", "radgraph"),
        ("application/json;q=0, application/fhir+json;q=x", None),
        ("image/png", None),
    ],
)
def test_what_is_accepted_most_is_chosen(accept, form):
    if form is None:
        with pytest.raises(Refusal, match="is one of"):
            choose_form(accept, ("radkg", "radgraph", "fhir"))
    else:
        assert choose_form(accept, ("radkg", "radgraph", "fhir")) == form


def test_who_may_ask_without_a_token(rules):
    for host in ("evil.example", "127.0.0.1.evil.example", "[", "\udcff", "", "127.0.0.1:8000:8"):
        value = host.encode("utf-8", "surrogateescape")
        assert rules.get("/healthz", headers={"host": value}).status_code == 400, host
    assert rules.get("/healthz", headers={"host": "[::1]:80"}).status_code == 200
    asked = {"origin": "http://evil.example"}
    assert rules.post(EXTRACT, json={"report": "x"}, headers=asked).status_code == 403
    assert rules.get("/v1/nothing").status_code == 404
    refused = rules.get(EXTRACT)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_who_may_ask_with_a_token():
    token = "a-token-of-the-tests"
    app = make_app(ServiceConfig(extractor="rules"), token)  # never started: nothing gets so far
    client = TestClient(app, "http://radkg.example", raise_server_exceptions=False)
    for header in ({}, {"authorization": token}, {"authorization": f"Bearer {token}x"}):
        for path in (EXTRACT, BATCH):
            answer = client.post(path, content=CANARY, headers=header)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert client.get("/metrics", headers=header).status_code == 401
    right = {"authorization": f"Bearer {token}"}
    assert client.get("/metrics", headers=right).status_code == 200
    answer = client.post(EXTRACT, json={"report": "x"}, headers=right)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert client.get("/healthz").status_code == 200  # a probe has no token
    assert client.get("/readyz").status_code == 503
    assert "Research, not for diagnosis" in client.get("/").text
    assert "securitySchemes" in client.get("/openapi.json").json()["components"]


def test_an_error_of_the_service_shows_and_logs_no_words(rules, capfd, monkeypatch):
    def broken(*_: object) -> None:
        raise ValueError(CANARY)

    with monkeypatch.context() as changed:
        changed.setattr("radkg.service.app.choose_form", broken)
        answer = rules.post(EXTRACT, json={"report": CANARY})
    assert answer.status_code == 500
    logged = "".join(capfd.readouterr())
    assert "Quackenbush" not in answer.text + logged


def test_the_service_counts_what_it_does(rules):
    rules.post(EXTRACT, json={"report": REPORT})
    rules.get("/no/such/path")
    text = rules.get("/metrics").text
    assert 'radkg_service_requests_total{route="/v1/extract",status="200"}' in text
    assert 'radkg_service_requests_total{route="other",status="404"}' in text
    assert 'radkg_service_studies_total{model="extractor",status="ok"}' in text
    for name in ("batch_studies", "batch_seconds", "waiting_studies", "ready_processes", "model"):
        assert f"radkg_service_{name}" in text
