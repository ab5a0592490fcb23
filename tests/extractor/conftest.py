"""Models that the tests of this folder share: written once."""

import pytest
import torch

from tests.extractor.models import write_image, write_onepass, write_vlm


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Keep threads from waiting for each other: the matrices are small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def seeing(tmp_path_factory):
    """A model that has learnt a few sentences by heart, with an eye."""
    return write_vlm(tmp_path_factory.mktemp("seeing"))


@pytest.fixture(scope="session")
def looking(tmp_path_factory):
    """The same with an encoder that is no eye: the language model answers for the images."""
    return write_vlm(tmp_path_factory.mktemp("looking"), encoder="imagenet")


@pytest.fixture(scope="session")
def reading(tmp_path_factory):
    """The same without images."""
    return write_vlm(tmp_path_factory.mktemp("reading"), encoder=None)


@pytest.fixture(scope="session")
def random_directory(tmp_path_factory):
    """A model that knows nothing, and writes whatever the grammar lets it."""
    return write_vlm(tmp_path_factory.mktemp("random"), learnt=False, encoder=None)


@pytest.fixture(scope="session")
def onepass(tmp_path_factory):
    return write_onepass(tmp_path_factory.mktemp("onepass"))


@pytest.fixture(scope="session")
def image_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image_files")
    return [write_image(folder / f"{n}.png", n) for n in range(3)]
