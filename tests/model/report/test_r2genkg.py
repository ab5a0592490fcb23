"""R2GenKG as a whole: the prefix, the switches, learning, files; and its published sizes."""

import dataclasses
import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from radkg.errors import ConfigError, ExtractorError
from radkg.model import checkpoint
from radkg.model.report.files import LANGUAGE, make_r2genkg, read_r2genkg, save_r2genkg
from radkg.model.report.generator import ReportGenerator
from radkg.model.report.r2genkg import R2GenKG
from radkg.model.report.r2genkg_config import (
    R2GenKGConfig,
    SightConfig,
    make_published_r2genkg,
    make_small_r2genkg,
)
from tests.model.report.tiny import (
    NODES,
    REPORTS,
    WIDTH,
    language,
    make_batch,
    make_config,
    make_graph,
    make_model,
    make_seen,
    train_toy,
)


def count_millions(*modules: torch.nn.Module) -> float:
    return round(sum(p.numel() for m in modules for p in m.parameters()) / 1e6, 1)


def test_published_sizes_are_those_of_the_published_code():
    with torch.device("meta"):
        generator = ReportGenerator(LlamaForCausalLM(LlamaConfig()), language(), "frozen")
        model = R2GenKG(make_published_r2genkg(), generator)
    assert model.config.prefix_length == 445
    assert model.graph is not None
    assert model.bank is not None
    assert count_millions(model.sight) == 86.7  # Swin-B
    assert count_millions(model.qformer) == 105.1  # with its 14 queries
    assert count_millions(model.v2kg, model.kg2v) == 25.2
    assert count_millions(model.graph.fusion) == 11.5
    assert count_millions(model.graph.rgcn) == 2.4
    assert count_millions(model.bank) == 1.8
    linear = (model.to_queries, model.from_queries, model.from_nodes, model.to_language)
    assert count_millions(*linear) == 7.2
    trained = [p for p in model.parameters() if p.requires_grad]
    assert round(sum(p.numel() for p in trained) / 1e6) == 240
    assert count_millions(model.generator) == 6738.4  # Llama-2-7b, frozen


def test_the_prefix_is_image_kg2v_v2kg_queries_bank():
    model = make_model().eval()
    seen, is_view = make_seen()
    with torch.no_grad():
        image = model.look(seen, is_view)
        nodes = model.from_nodes(model.graph()).expand(2, -1, -1)
        queries = model.qformer(model.to_queries(image))
        bank = model.bank(queries)
        parts = [image, model.kg2v(nodes, image), model.v2kg(image, nodes)]
        parts += [model.from_queries(queries), model.from_queries(bank)]
        assert [part.shape[1] for part in parts] == [4, 8, 4, 3, 3]
        expected = torch.cat([model.norm(model.to_language(part)) for part in parts], dim=1)
        torch.testing.assert_close(model.make_prefix(seen, is_view), expected)
    assert expected.shape == (2, model.config.prefix_length, WIDTH)


def test_views_are_averaged_token_by_token():
    model = make_model().eval()
    seen, is_view = make_seen()
    each = model.sight(seen.flatten(0, 1)).unflatten(0, (2, 2))
    found = model.look(seen, is_view)
    torch.testing.assert_close(found[0], each[0].mean(0))
    torch.testing.assert_close(found[1], each[1, 0])
    twice = model.look(seen[:1].repeat(1, 2, 1, 1), torch.ones(1, 4, dtype=torch.bool))
    torch.testing.assert_close(twice[0], found[0])


@pytest.mark.parametrize(
    ("changes", "length"),
    [
        ({"v2kg": False}, 18),
        ({"kg2v": False}, 14),
        ({"bank_size": 0}, 19),
        ({"graph": None}, 10),
        ({"graph": dataclasses.replace(make_config().graph, chosen=2)}, 26),
    ],
)
def test_a_switch_takes_its_tokens_out_of_the_prefix(changes, length):
    model = make_model(**changes).eval()
    assert model.config.prefix_length == length
    assert model.make_prefix(*make_seen()).shape == (2, length, WIDTH)


@pytest.mark.parametrize("mode", ["real", "zero", "shuffled", "random"])
def test_every_graph_gives_finite_outputs_and_its_own(mode):
    real, other = make_model(), make_model(graph=_graph(mode))
    own = {f"graph.{name}" for name in ("names", "heads", "tails")}
    state = other.state_dict()
    other.load_state_dict(real.state_dict() | {name: state[name] for name in own})
    prefixes = [m.eval().make_prefix(*make_seen()) for m in (real, other)]
    assert prefixes[1].isfinite().all()
    assert torch.allclose(*prefixes) is (mode == "real")
    nodes = other.graph()
    assert nodes.any().item() is (mode != "zero")


def test_a_toy_learns_its_reports_and_tells_the_studies_apart():
    model = make_model()
    first = train_toy(model, 1)
    assert train_toy(model, 70) < 0.2 < first
    seen, is_view = make_seen()
    model.eval()
    said = [language().decode_report(ids) for ids in model.generate(seen, is_view)]
    assert said == list(REPORTS)
    (swapped,) = model.generate(seen[1:], is_view[1:])
    assert language().decode_report(swapped) == REPORTS[1]
    for part in ("v2kg", "bank"):  # what is switched off is missed
        kept = getattr(model, part)
        setattr(model, part, None)
        without = [language().decode_report(ids) for ids in model.generate(seen, is_view)]
        setattr(model, part, kept)
        assert without != said
    with torch.no_grad():
        loss = model(make_batch() | {"seen": seen, "is_view": is_view})
        model.graph.config = dataclasses.replace(model.graph.config, mode="zero")
        model.graph._forget()
        assert model(make_batch() | {"seen": seen, "is_view": is_view}) > loss


def test_what_is_said_depends_on_the_graph_where_nothing_else_tells():
    sizes = dataclasses.replace(make_config().graph, features="text", ngrams=0, dropout=0.0)
    torch.manual_seed(0)
    vectors = torch.randn(NODES, sizes.width)
    config = make_config(graph=sizes, cross_dropout=0.0)
    model = make_r2genkg(config, language().tokenizer)
    seen, is_view = make_seen()
    graph = dataclasses.replace(make_graph(), names=vectors)
    other = dataclasses.replace(graph, names=-vectors)
    batch = make_batch()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(300):  # one image; the graph decides which report is right
        optimiser.zero_grad()
        losses = []
        for i, each in enumerate((graph, other)):
            model.graph.fill(each)
            row = {name: tensor[i : i + 1] for name, tensor in batch.items()}
            losses.append(model(row | {"seen": seen[:1], "is_view": is_view[:1]}))
            losses[-1].backward()
        optimiser.step()
        if sum(losses) < 0.03:
            break
    model.eval()
    said = []
    for each in (graph, other, graph):
        model.graph.fill(each)
        said.append(language().decode_report(model.generate(seen[:1], is_view[:1])[0]))
    assert said == [REPORTS[0], REPORTS[1], REPORTS[0]]


def test_findings_in_place_of_images_are_tokens():
    sight = SightConfig(kind="findings", tokens=3, dim=16, findings=("effusion", "edema"))
    model = make_model(sight=sight).eval()
    seen = torch.tensor([[[1, 0, 0]], [[2, 1, 0]]])
    prefix = model.make_prefix(seen, torch.ones(2, 1, dtype=torch.bool))
    assert prefix.shape == (2, 3 + 8 + 3 + 3 + 3, WIDTH)
    assert not torch.allclose(prefix[0], prefix[1])


def test_a_swin_transformer_sees_bytes_and_trains():
    sight = SightConfig(
        kind="swin", tokens=49, dim=16, side=56, embed_dim=8, depths=(1, 1), heads=(1, 1)
    )
    model = make_model(sight=sight)
    images = torch.randint(256, (2, 1, 56, 56), dtype=torch.uint8)
    batch = make_batch() | {"seen": images, "is_view": torch.ones(2, 1, dtype=torch.bool)}
    model(batch).backward()
    gradients = [p.grad for p in model.sight.network.parameters()]
    assert all(g is not None for g in gradients)
    assert model.make_prefix(batch["seen"], batch["is_view"]).shape[1] == 49 + 8 + 49 + 6


def test_a_directory_gives_the_model_back(tmp_path):
    model = make_model().eval()
    save_r2genkg(tmp_path, model, model.state_dict(), "a test", half=False)
    assert "generator.model.lm_head.weight" not in load_file(tmp_path / "model.safetensors")
    again = read_r2genkg(tmp_path)
    assert again.config == model.config
    assert torch.equal(again.make_prefix(*make_seen()), model.make_prefix(*make_seen()))
    assert again.generate(*make_seen()) == model.generate(*make_seen())
    values = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(values | {"bank_size": 9}))
    with pytest.raises(ExtractorError, match=r"bank\.tokens"):
        read_r2genkg(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(values | {"bonk_size": 9}))
    with pytest.raises(ExtractorError, match="did you mean 'bank_size'"):
        read_r2genkg(tmp_path)


@pytest.mark.parametrize("adaptation", ["frozen", "lora", "full"])
@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_a_published_language_model_stands_beside_what_was_learnt(adaptation, kind, tmp_path):
    sizes = {"vocab_size": 400, "hidden_size": WIDTH, "num_hidden_layers": 1}
    sizes |= {"num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    start = (
        LlamaForCausalLM(LlamaConfig(**sizes))
        if kind == "llama"
        else Qwen2ForCausalLM(Qwen2Config(**sizes, tie_word_embeddings=True))
    )
    start.save_pretrained(tmp_path / LANGUAGE)
    language().tokenizer.save(str(tmp_path / LANGUAGE / "tokenizer.json"))
    config = make_config(language=None, adaptation=adaptation)
    model = make_r2genkg(config, language().tokenizer, start)
    train_toy(model, 2)
    save_r2genkg(tmp_path, model, model.state_dict(), "a test", half=False)
    held = [n for n in load_file(tmp_path / "model.safetensors") if n.startswith("generator.")]
    expected = {"frozen": 0, "lora": 4, "full": len(list(start.parameters()))}
    assert len(held) == expected[adaptation]
    again, seen = read_r2genkg(tmp_path), make_seen()
    assert again.generate(*seen) == model.eval().generate(*seen)


def test_weights_that_may_be_absent_are_no_others(tmp_path):
    model = make_model()
    checkpoint.save(
        tmp_path,
        model.config.to_json(),
        {n: t for n, t in model.state_dict().items() if n != "norm.weight"},
        tokenizer=language().tokenizer,
        card="a test",
    )
    with pytest.raises(ExtractorError, match=r"missing \['norm.weight'\]"):
        read_r2genkg(tmp_path)


def test_small_settings_fit_together():
    config = make_small_r2genkg()
    assert config.prefix_length == 49 + 300 + 49 + 14
    assert R2GenKGConfig.from_mapping(json.loads(config.to_json())) == config
    with pytest.raises(ConfigError, match="width 64"):
        dataclasses.replace(config, hidden=64)
    with pytest.raises(ConfigError, match="is no group"):
        R2GenKGConfig.from_mapping({"graph": 3})


def _graph(mode):
    return dataclasses.replace(make_config().graph, mode=mode)
