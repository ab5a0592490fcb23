"""open_graph: which addresses it takes, and what it says of those it does not."""

from pathlib import Path

import pytest

from radkg.errors import ConfigError, GraphError, GraphUnavailable
from radkg.graph import open_graph


@pytest.mark.parametrize(
    "where", ["", "neo4j", "http://localhost:7474", "bolt://", "/tmp/store", "bolt+ssc://localhost"]
)
def test_no_such_graph(where: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'embedded' or an address"), open_graph(where, tmp_path):
        pass


@pytest.mark.parametrize("scheme", ["bolt", "bolt+s", "neo4j", "neo4j+s"])
def test_a_secret_in_the_address_is_refused_and_not_repeated(scheme: str, tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match="NEO4J_PASSWORD") as error,
        open_graph(f"{scheme}://me:hunter2@localhost:7687", tmp_path),
    ):
        pass
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("where", ["bolt://graph.example:7687", "neo4j://10.1.2.3", "bolt://[::2]"])
def test_plain_traffic_to_another_machine_is_refused(where: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not encrypted"), open_graph(where, tmp_path):
        pass


def test_plain_traffic_to_another_machine_on_demand(tmp_path: Path) -> None:
    with (
        pytest.raises(GraphUnavailable, match="start it or check the address"),
        open_graph("bolt://name.invalid:7687", tmp_path, insecure=True),
    ):
        pass


@pytest.mark.parametrize("scheme", ["bolt", "neo4j"])
def test_a_server_that_is_down(scheme: str, tmp_path: Path) -> None:
    with (
        pytest.raises(GraphUnavailable, match=r"127\.0\.0\.1:1: start it or check") as error,
        open_graph(f"{scheme}://127.0.0.1:1", tmp_path),
    ):
        pass
    assert error.value.exit_code == 5


@pytest.mark.neo4j
@pytest.mark.parametrize("password", ["wrong-one", ""])
def test_a_wrong_password(
    neo4j_uri: str, password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO4J_PASSWORD", password)
    with (
        pytest.raises(GraphError, match="NEO4J_USER and NEO4J_PASSWORD") as error,
        open_graph(neo4j_uri, tmp_path),
    ):
        pass
    assert not isinstance(error.value, GraphUnavailable)
    assert "wrong-one" not in str(error.value)


@pytest.mark.neo4j
def test_neo4j_answers(neo4j_uri: str, tmp_path: Path) -> None:
    with open_graph(neo4j_uri, tmp_path) as graph:
        assert graph.engine.name == "neo4j"
        assert graph.read("RETURN $x AS x", x=[1, "a"]) == [{"x": [1, "a"]}]
    assert not list(tmp_path.iterdir())
