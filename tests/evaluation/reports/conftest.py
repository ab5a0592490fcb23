import pytest

from radkg.evaluation.reports.studies import open_report_set
from tests.evaluation.reports.invented import write_archive


@pytest.fixture(scope="session")
def invented(tmp_path_factory):
    """Return where the invented archive is, and where its images are."""
    return write_archive(tmp_path_factory.mktemp("invented"))


@pytest.fixture(scope="session")
def report_set(invented):
    archive, images = invented
    return open_report_set(archive, "test", images)
