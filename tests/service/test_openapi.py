"""Whatever the OpenAPI document allows is answered as it says, and whatever it forbids refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from radkg.service.app import make_app
from radkg.service.server import listen
from radkg.service.settings import ServiceConfig


@pytest.fixture(scope="module")
def api() -> Iterator[schemathesis.BaseSchema]:
    """What the service says of itself, served by the rules."""
    server = uvicorn.Server(
        uvicorn.Config(make_app(ServiceConfig(extractor="rules"), None), log_level="warning")
    )
    with listen("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        yield schemathesis.openapi.from_url(f"{address}/openapi.json", wait_for_schema=60)
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_the_service_is_as_it_describes_itself(api: schemathesis.BaseSchema, mode: GenerationMode):
    operations = [found.ok() for found in api.get_all_operations()]
    if mode is GenerationMode.NEGATIVE:  # of a route that takes nothing there is no bad request
        operations = [operation for operation in operations if operation.method == "post"]
    assert len(operations) >= 2
    for operation in operations:
        examples = 25 if operation.method == "post" else 2

        @settings(max_examples=examples, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case) -> None:
            # what an image shows, and what language a report is in, no schema says; and a form has
            # texts alone, so that a null in it is the text "null"
            left_out = [positive_data_acceptance]
            if case.media_type != "application/json":
                left_out.append(negative_data_rejection)
            case.call_and_validate(excluded_checks=left_out)

        check()
