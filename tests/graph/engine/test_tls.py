"""Encrypted connections to a real Neo4j that takes no others: the CA is the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from radkg.errors import ConfigError, GraphError, GraphUnavailable
from radkg.graph import open_graph
from radkg.graph.load.dispatch import RemoteLoad
from radkg.graph.load.loader import load
from radkg.graph.rows.nested import BatchSizes
from radkg.graph.verify.full import verify
from radkg.run.retractions import hide_retracted
from radkg.schema.arrow import EXTRACTION_SCHEMA
from tests.support.graph.certificates import make_authority, make_server_certificate
from tests.support.graph.servers import run_neo4j
from tests.support.runs.extractions import InventedSnapshot
from tests.support.runs.rows import row

SNAPSHOT = InventedSnapshot([row("1"), row("2")], archive="test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[tuple[str, str]]:
    _, authority, key = make_authority(folder, "ours")
    make_authority(folder, "strange")
    make_server_certificate(folder / "tls", authority, key)
    with run_neo4j(tls=folder / "tls") as (address, password, _):
        yield address, password


@pytest.fixture
def server(running: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    address, password = running
    monkeypatch.setenv("NEO4J_USER", "neo4j")
    monkeypatch.setenv("NEO4J_PASSWORD", password)
    monkeypatch.delenv("NEO4J_CA", raising=False)
    return address


@pytest.mark.neo4j
@pytest.mark.parametrize("scheme", ["bolt+s", "neo4j+s"])
def test_a_graph_with_a_pinned_ca(
    server: str, folder: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO4J_CA", str(folder / "ours.pem"))
    address = server.replace("bolt+s", scheme)
    with open_graph(address, None) as graph:
        assert graph.address == address
        load(graph, SNAPSHOT)
        assert verify(graph, SNAPSHOT).ok


@pytest.mark.neo4j
def test_a_writer_on_another_host_connects_as_its_own_environment_says(
    server: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO4J_CA", str(folder / "ours.pem"))
    kept = hide_retracted(SNAPSHOT)
    rows = next(SNAPSHOT.read_tables())
    with open_graph(server, None) as graph:
        load(graph, SNAPSHOT)
    none = EXTRACTION_SCHEMA.empty_table()

    def write() -> int:
        return len(RemoteLoad(server, kept, False, none, None, BatchSizes()).write(rows).digests)

    assert write() == 2
    monkeypatch.setenv("NEO4J_CA", str(folder / "strange.pem"))
    with pytest.raises(GraphError, match="is not trusted"):
        write()


@pytest.mark.neo4j
@pytest.mark.parametrize("authority", ["strange.pem", None])
@pytest.mark.parametrize("scheme", ["bolt+s", "neo4j+s"])
def test_a_certificate_of_another_ca_is_refused(
    server: str,
    folder: Path,
    authority: str | None,
    scheme: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if authority:
        monkeypatch.setenv("NEO4J_CA", str(folder / authority))
    with (
        pytest.raises(GraphError, match=r"is not trusted.*NEO4J_CA") as error,
        open_graph(server.replace("bolt+s", scheme), None),
    ):
        pass
    assert not isinstance(error.value, GraphUnavailable)  # waiting would not help


@pytest.mark.neo4j
def test_a_name_that_is_not_in_the_certificate(
    server: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO4J_CA", str(folder / "ours.pem"))
    with (
        pytest.raises(GraphError, match=r"is not trusted.*name in the certificate"),
        open_graph(server.replace("127.0.0.1", "localhost"), None),
    ):
        pass


@pytest.mark.neo4j
def test_a_plain_connection_to_a_server_with_tls(
    server: str,
) -> None:
    with (
        pytest.raises(GraphUnavailable, match=r"wants bolt\+s://"),
        open_graph(server.replace("+s", ""), None),
    ):
        pass


@pytest.mark.neo4j
def test_an_encrypted_connection_to_a_server_without_tls(
    neo4j_uri: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_authority(folder, "any")
    monkeypatch.setenv("NEO4J_CA", str(folder / "any.pem"))
    with (
        pytest.raises(GraphError, match=r"does not speak TLS|answers") as error,
        open_graph(neo4j_uri.replace("bolt", "bolt+s"), None),
    ):
        pass
    assert "127.0.0.1" in str(error.value)


def test_a_ca_without_encryption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, _, _ = make_authority(tmp_path, "ours")
    monkeypatch.setenv("NEO4J_CA", str(file))
    with pytest.raises(ConfigError, match=r"bolt\+s://"), open_graph("bolt://127.0.0.1:1", None):
        pass


@pytest.mark.parametrize("text", [None, "no certificate", "\udcff"])
def test_a_ca_that_is_none(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text, "utf-8", "surrogateescape")
    monkeypatch.setenv("NEO4J_CA", str(file))
    with pytest.raises(ConfigError, match=r"ca\.pem"), open_graph("bolt+s://127.0.0.1:1", None):
        pass


def test_plain_traffic_to_another_machine_by_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every verb and job asks `open_graph`, in whose process the environment says so."""
    monkeypatch.delenv("NEO4J_CA", raising=False)
    monkeypatch.setenv("NEO4J_INSECURE", "1")
    with pytest.raises(GraphUnavailable), open_graph("bolt://name.invalid:7687", None):
        pass
    monkeypatch.setenv("NEO4J_INSECURE", "0")
    with pytest.raises(ConfigError, match="NEO4J_INSECURE=1"), open_graph("bolt://10.0.0.1", None):
        pass


@pytest.mark.parametrize("where", ["bolt://[", "bolt://h:port", "neo4j+s://h:99999", "bolt://[::1"])
def test_an_address_that_cannot_be_read(where: str) -> None:
    with pytest.raises(ConfigError, match="address"), open_graph(where, None):
        pass
