"""The parts of R2GenKG, each against what its paper or its code says, by plain loops."""

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from radkg.errors import ConfigError
from radkg.model.report.bank import BankLookup
from radkg.model.report.cross import CrossBlock
from radkg.model.report.fusion import ScaleFusion
from radkg.model.report.graph import GraphTensors, hash_names, vary_graph
from radkg.model.report.qformer import Attention, QFormer
from radkg.model.report.r2genkg_config import QFormerConfig
from radkg.model.report.rgcn import RGCN, RelationalConv
from tests.model.report.tiny import EDGES, NODES, make_config, make_graph, make_model


def test_a_relational_convolution_is_the_naive_loop():
    torch.manual_seed(0)
    conv, graph = RelationalConv(5, 4, 3), make_graph()
    torch.nn.init.normal_(conv.bias)
    nodes = torch.randn(NODES, 5)
    for i in range(NODES):
        expected = nodes[i] @ conv.root + conv.bias
        for r in range(3):
            near = [
                nodes[head]
                for head, tail, relation in zip(
                    graph.heads, graph.tails, graph.relations, strict=True
                )
                if tail == i and relation == r
            ]
            if near:
                expected = expected + torch.stack(near).mean(0) @ conv.weight[r]
        found = conv(nodes, graph.heads, graph.tails, graph.relations)[i]
        torch.testing.assert_close(found, expected)


def test_rgcn_has_relu_between_its_layers_and_no_edge_works_backwards():
    torch.manual_seed(0)
    rgcn = RGCN(6, 4, 3, 0.1).eval()
    nodes = torch.randn(3, 6)
    edge = (torch.tensor([0]), torch.tensor([1]), torch.tensor([2]))
    expected = rgcn.second(F.relu(rgcn.first(nodes, *edge)), *edge)
    torch.testing.assert_close(rgcn(nodes, *edge), expected)
    changed = nodes.clone()
    changed[1] += 1  # the tail
    torch.testing.assert_close(rgcn(changed, *edge)[0], rgcn(nodes, *edge)[0])
    assert not torch.allclose(rgcn(changed, *edge)[1], rgcn(nodes, *edge)[1])


def test_the_cross_block_shares_a_norm_without_shift_and_adds_twice():
    torch.manual_seed(0)
    block = CrossBlock(8, 2, 0.1).eval()
    torch.nn.init.normal_(block.norm.weight)
    assert {n.rpartition(".")[0] for n, _ in block.named_parameters() if "norm" in n} == {
        "norm",
        "fed_norm",
    }
    assert block.norm.bias is None
    queries, seen = torch.randn(2, 3, 8), torch.randn(2, 5, 8)
    normed = [F.layer_norm(t, (8,), block.norm.weight) for t in (queries, seen, seen)]
    middle = queries + block.attention(*normed)[0]
    out = middle + block.feed(F.layer_norm(middle, (8,), block.fed_norm.weight))
    torch.testing.assert_close(block(queries, seen), out)
    zeros = block.norm(torch.zeros(1, 8))
    assert not zeros.any()  # what is 0 stays 0


def test_fusion_adds_scale_and_place_and_lets_all_scales_meet():
    torch.manual_seed(0)
    fusion = ScaleFusion(8, 2, 4, 2, 2, 16, 0.1, 0.1).eval()
    assert not fusion.encoder.layers[0].norm_first
    scales = [torch.randn(3, 8), torch.randn(4, 8)]
    expected = fusion.encoder(
        torch.cat(
            [
                nodes + fusion.scale(torch.tensor(i)) + fusion.position.weight[: len(nodes)]
                for i, nodes in enumerate(scales)
            ]
        )[None]
    )[0]
    found = fusion(scales)
    torch.testing.assert_close(torch.cat(found), expected)
    other = fusion([scales[0] + 1, scales[1]])
    assert not torch.allclose(found[1], other[1])


def test_the_bank_is_one_softmax_over_all_its_rows():
    torch.manual_seed(0)
    bank = BankLookup(8, 5, 3)
    bank.tokens.copy_(torch.randn(5, 3))
    queries = torch.randn(2, 4, 8)
    for row in range(2):
        for q in range(4):
            query = bank.query(queries[row, q])
            scores = torch.stack([query @ bank.key(token) for token in bank.tokens]) / 8**0.5
            expected = sum(
                w * bank.value(token)
                for w, token in zip(scores.softmax(0), bank.tokens, strict=True)
            )
            torch.testing.assert_close(bank(queries)[row, q], expected)
    assert "tokens" not in dict(bank.named_parameters())


def test_attention_of_the_q_former_is_berts():
    torch.manual_seed(0)
    attention = Attention(8, 6, 2, 0.1).eval()
    queries, seen = torch.randn(1, 3, 8), torch.randn(1, 5, 6)
    query, key, value = attention.query(queries), attention.key(seen), attention.value(seen)
    heads = [
        (query[0][:, part] @ key[0][:, part].T / 4**0.5).softmax(-1) @ value[0][:, part]
        for part in (slice(0, 4), slice(4, 8))
    ]
    expected = attention.norm(queries + attention.out(torch.cat(heads, dim=-1)))
    torch.testing.assert_close(attention(queries, seen), expected)


def test_every_second_layer_of_the_q_former_looks_at_the_image():
    sizes = {"queries": 3, "layers": 4, "width": 8, "heads": 2, "intermediate": 16}
    config = QFormerConfig(**sizes, image_width=6)
    qformer = QFormer(config).eval()
    assert [layer.cross is not None for layer in qformer.layers] == [True, False, True, False]
    image = torch.randn(2, 5, 6)
    assert qformer(image).shape == (2, 3, 8)
    torch.testing.assert_close(qformer(image[:, [3, 1, 4, 0, 2]]), qformer(image))  # no order


def test_names_with_common_words_share_n_grams():
    rows = hash_names(["pleural effusion", "effusion", "heart"], 4096)
    parts = [set(row.tolist()) - {0} for row in rows]
    assert parts[1] < parts[0]
    assert len(parts[2] & parts[0]) < len(parts[2])
    assert torch.equal(rows, hash_names(["pleural effusion", "effusion", "heart"], 4096))
    assert hash_names(["(?)"], 10).any()  # a name without a letter has a vector too


def test_disturbed_graphs_keep_their_counts_and_their_scales():
    graph, config = make_graph(), make_config().graph
    assert config is not None
    assert vary_graph(graph, config, 0) is graph
    for mode in ("shuffled", "random"):
        other = vary_graph(graph, dataclasses.replace(config, mode=mode), 0)
        again = vary_graph(graph, dataclasses.replace(config, mode=mode), 0)
        assert not torch.equal(other.names, graph.names)
        assert torch.equal(other.relations, graph.relations)
        assert torch.equal(other.heads, graph.heads) is (mode == "shuffled")
        assert all(
            torch.equal(getattr(other, f.name), getattr(again, f.name))
            for f in dataclasses.fields(GraphTensors)
        )
        for number in config.scales:
            pair = (other.names, graph.names)
            rows = [sorted(map(tuple, names[:number].tolist())) for names in pair]
            assert rows[0] == rows[1]


def test_a_scale_has_the_edges_among_its_nodes():
    branch = make_model().graph
    assert branch is not None
    graph = make_graph()
    parts = (graph.heads, graph.tails, graph.relations)
    edges = list(zip(*(part.tolist() for part in parts), strict=True))
    for number in (1, 4, NODES):
        found = zip(*(part.tolist() for part in branch._cut(number)), strict=True)
        assert list(found) == [edge for edge in edges if max(edge[:2]) < number]
    assert len(branch._cut(NODES)[0]) == EDGES


def test_the_graph_branch_computed_once_equals_it_computed_anew():
    model = make_model().eval()
    branch = model.graph
    assert branch is not None
    with torch.no_grad():
        kept = branch()
        assert branch() is kept
        assert torch.equal(kept, branch.compute_nodes())
        branch.load_state_dict(make_model(seed=1).graph.state_dict())
        assert torch.equal(branch(), branch.compute_nodes())
        assert not torch.allclose(branch(), kept)
    assert branch() is not branch()  # where something may learn, it is computed
    branch.train()
    with torch.no_grad():
        assert not torch.equal(branch(), branch())  # dropout


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "reversed"},
        {"chosen": 3},
        {"scales": (4, 13)},
        {"features": "bert"},
    ],
)
def test_a_graph_that_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigError):
        dataclasses.replace(make_config().graph, **wrong)
