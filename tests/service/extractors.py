"""An extractor for a served process: slow, hanging or dying by the report; its id is in a file."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from radkg.schema.records import Extraction, Study
from tests.support.runs.extractors import Words


class Told(Words):
    """Does what reports say, beside calling every `effusion` a present one."""

    def __call__(self, studies: Sequence[Study]) -> list[Extraction]:
        for study in studies:
            if "SLOW" in study.report:
                time.sleep(0.3)
            if "CRASH" in study.report:
                os._exit(77)
            if "HANG" in study.report:
                time.sleep(60)
        return super().__call__(studies)


def told() -> Words:
    """Return the model whose id stands in the file that RADKG_TEST_MODEL names."""
    return Told(Path(os.environ["RADKG_TEST_MODEL"]).read_text().strip())
