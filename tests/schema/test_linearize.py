"""What the language model writes, and back: items, their grounding, the published forms."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radkg.rules.extractor import read_sentence
from radkg.schema.linearize import (
    MARKS,
    Item,
    Node,
    ground,
    list_triplets,
    make_coded_items,
    make_items,
    parse,
    parse_triplets,
    split_words,
    write,
    write_triplets,
)
from radkg.schema.records import LABELS, RELATIONS

SENTENCES = (
    "Small left pleural effusion",
    "There is no pneumothorax or focal consolidation.",
    "Patchy bibasilar opacities, which may represent atelectasis",
    "Heart size is normal, and the thoracic aorta is tortuous",
    "Possible 1.5 cm nodule in the right upper lobe",
    "Mild cardiomegaly; no edema",
    "Clear lungs",
    "",
)


def spans_of(sentence):
    mentions, links = read_sentence(sentence)
    return [(start, end, label) for _, label, _, start, end in mentions], list(links)


def facts(spans, links):
    return sorted(spans), sorted((spans[head], spans[tail], r) for head, tail, r in links)


def back(sentence, text):
    """Return the spans as (words, label) and the links as (head words, relation, tail place)."""
    spans, links, _ = ground(sentence, parse(text, "copy"))
    return (
        [(sentence[a:b], label) for a, b, label in spans],
        [(spans[head][:2], r, spans[tail][:2]) for head, tail, r in links],
    )


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_reading_comes_back_from_its_text(sentence):
    spans, links = spans_of(sentence)
    text = write(make_items(sentence, spans, links))
    found, found_links, _ = ground(sentence, parse(text, "copy"))
    assert facts(found, found_links) == facts(spans, links)


def test_the_written_form():
    spans, links = spans_of("Small left pleural effusion, no edema.")
    assert write(make_items("Small left pleural effusion, no edema.", spans, links)) == (
        "small + modify effusion + ; left @ modify pleural @ ; effusion + located_at pleural @ ; "
        "edema -"
    )


WORDS = ("small", "left", "effusion", "modify", "lung", "1.5", "effusion", "XXXX", "Säure")
GLUE = (" ", ", ", "; ", "-", " + ", " (", "/")


@st.composite
def readings(draw):
    """A sentence of distinct and repeated words, spans that are runs of them, links between."""
    count = draw(st.integers(1, 8))
    sentence = ""
    for _ in range(count):
        sentence += draw(st.sampled_from(WORDS)) + draw(st.sampled_from(GLUE))
    found = split_words(sentence)
    cuts = sorted(draw(st.sets(st.integers(0, len(found)), min_size=2, max_size=6)))
    spans = [
        (found[a][1], found[b - 1][2], draw(st.sampled_from(LABELS)))
        for a, b in itertools.pairwise(cuts)
    ]
    ends = st.integers(0, len(spans) - 1)
    links = draw(st.sets(st.tuples(ends, ends, st.sampled_from(RELATIONS)), max_size=4))
    return sentence, spans, [link for link in links if link[0] != link[1]]


@given(readings())
def test_any_reading_is_written_parsed_and_grounded(reading):
    sentence, spans, links = reading
    items = make_items(sentence, spans, links)
    assert parse(write(items), "copy") == items
    found, found_links, first = ground(sentence, items)
    said = {(tuple(w for w, _, _ in split_words(sentence[a:b])), label) for a, b, label in spans}
    for a, b, label in found:
        text = tuple(w for w, _, _ in split_words(sentence[a:b]))
        assert (text, label) in said
    assert first == [min(number for number in first if number == i) for i in first]
    assert all(0 <= number < len(items) for number in first)
    assert all(head != tail for head, tail, _ in found_links)
    texts = [tuple(w for w, _, _ in split_words(sentence[a:b])) for a, b, _ in spans]
    if len(set(texts)) == len(texts) and all(places(sentence, t) == 1 for t in texts):
        assert facts(found, found_links) == facts(spans, links)


def places(sentence, text):
    found = [w for w, _, _ in split_words(sentence)]
    return sum(tuple(found[i : i + len(text)]) == text for i in range(len(found)))


@given(st.text(max_size=60), st.sampled_from(["copy", "codes"]))
def test_any_text_is_parsed_or_refused(text, target):
    try:
        items = parse(text, target)
    except ValueError:
        return
    assert parse(write(items), target) == items


def test_heads_go_through_repeated_words_in_order():
    sentence = "Left effusion and right effusion"
    text = "left @ modify effusion + ; effusion + ; right @ modify effusion + ; effusion -"
    assert back(sentence, text) == (
        [
            ("Left", "ANAT-DP"),
            ("effusion", "OBS-DP"),
            ("right", "ANAT-DP"),
            ("effusion", "OBS-DP"),  # the first label stands: "-" comes later
        ],
        [((0, 4), "modify", (5, 13)), ((18, 23), "modify", (24, 32))],
    )


def test_a_tail_is_the_occurrence_nearest_to_its_head():
    sentence = "lung mass, a nodule of the left lung"
    assert back(sentence, "mass + located_at lung @")[1] == [((5, 9), "located_at", (0, 4))]
    assert back(sentence, "left @ modify lung @")[1] == [((27, 31), "modify", (32, 36))]


def test_of_two_equally_near_tails_the_later_is_meant():
    assert back("lung mass lung", "mass + located_at lung @")[1] == [
        ((5, 9), "located_at", (10, 14))
    ]


def test_a_word_related_to_itself_is_two_mentions():
    spans, links, first = ground(
        "bibasilar opacity",
        parse("bibasilar @ modify bibasilar @ ; opacity + located_at bibasilar @", "copy"),
    )
    assert spans == [(0, 9, "ANAT-DP"), (0, 9, "ANAT-DP"), (10, 17, "OBS-DP")]
    assert links == [(0, 1, "modify"), (2, 1, "located_at")]
    assert first == [0, 0, 1]


def test_one_run_may_be_an_observation_and_a_site():
    spans, links, _ = ground(
        "dextroscoliosis", parse("dextroscoliosis + located_at dextroscoliosis @", "copy")
    )
    assert [label for *_, label in spans] == ["OBS-DP", "ANAT-DP"]
    assert links == [(0, 1, "located_at")]


def test_of_contradicting_labels_the_first_stands():
    found, links = back("small effusion", "small + modify effusion + ; effusion -")
    assert found == [("small", "OBS-DP"), ("effusion", "OBS-DP")]
    assert len(links) == 1
    # and a span cannot be related to itself under another label
    assert back("edema", "edema + suggestive_of edema ?") == ([("edema", "OBS-DP")], [])


def test_a_relation_is_stated_once():
    assert len(back("small effusion", "small + modify effusion + modify effusion +")[1]) == 1


def test_words_of_a_report_may_look_like_the_form():
    sentence = "We modify ; + the located_at effusion"
    text = write(
        [
            Item(
                Node(("modify",), "OBS-DP"),
                (
                    ("modify", Node(("modify", "the"), "OBS-U")),
                    ("located_at", Node(("located_at",), "ANAT-DP")),
                ),
            )
        ]
    )
    # the underscore of "located_at" is part of the word
    assert [w for w, _, _ in split_words(sentence)] == [
        "we",
        "modify",
        "the",
        "located_at",
        "effusion",
    ]
    (item,) = parse(text, "copy")
    assert item.head.words == ("modify",)
    assert [r for r, _ in item.links] == ["modify", "located_at"]
    assert [t.words for _, t in item.links] == [("modify", "the"), ("located_at",)]
    # punctuation of the report stands in no run: a run goes over it
    with_gap = back(sentence, "modify the ? ; located_at effusion +")
    assert with_gap[0] == [("modify ; + the", "OBS-U"), ("located_at effusion", "OBS-DP")]


@pytest.mark.parametrize(
    ("text", "target", "shown"),
    [
        ("effusion", "copy", "'effusion' without a label"),
        ("effusion + modify", "copy", "an end without words"),
        ("effusion + modify lung", "copy", "'lung' without a label"),
        ("effusion + lung @", "copy", "'lung' after a label"),
        ("effusion + +", "copy", "'\\+' after a label"),
        ("effusion + ;", "copy", "';' does not stand between"),
        ("effusion + ;edema +", "copy", "';edema' does not stand between"),
        ("effusion + ;  ; edema +", "copy", "';' does not stand between|without words"),
        ("effusion + located_at modify lung @ ; mass", "copy", "'mass' without a label"),
        ("effusion ; ; edema", "codes", "';' does not stand between"),
        ("effusion modify", "codes", "an end without words"),
        ("effusion modify located_at", "codes", None),  # "located_at" is taken for a name
    ],
)
def test_a_malformed_text_is_refused_with_what_is_wrong(text, target, shown):
    if shown is None:
        assert list_triplets(parse(text, target)) == [("effusion", "modify", "located_at")]
        return
    with pytest.raises(ValueError, match=shown):
        parse(text, target)


def test_words_that_the_sentence_does_not_have_are_refused():
    for sentence, text in [
        ("no edema", "effusion -"),
        ("left lower lobe", "left lobe @"),
        ("no edema", "+ edema -"),
        ("", "edema -"),
        ("small effusion", "small + modify edema +"),
    ]:
        with pytest.raises(ValueError, match="no run of the sentence's words"):
            ground(sentence, parse(text, "copy"))
    with pytest.raises(ValueError, match="has no label"):
        ground("edema", parse("edema", "codes"))


def test_a_span_that_cuts_a_word_is_refused():
    for span in [(0, 3, "OBS-DP"), (1, 5, "OBS-DP"), (0, 6, "OBS-DP"), (2, 2, "OBS-DP")]:
        with pytest.raises(ValueError, match="no run of words"):
            make_items("edema, small", [span], [])


def test_the_empty_text_states_nothing():
    assert parse("", "copy") == parse(" \n", "codes") == []
    assert write([]) == ""
    assert ground("no words needed", []) == ([], [], [])


def test_codes_are_one_sorted_item_each():
    triplets = [("left", "modify", "pleura"), ("effusion", "located_at", "pleura")]
    items = make_coded_items([*triplets, triplets[0]], ["effusion", "cardiomegaly", "cardiomegaly"])
    assert write(items) == (
        "cardiomegaly ; effusion located_at pleura ; left modify pleura"  # effusion is said
    )
    assert parse(write(items), "codes") == items
    assert list_triplets(items) == sorted(triplets)
    assert make_coded_items([], []) == []


def test_names_of_several_words_keep_their_form():
    items = make_coded_items([("right upper lobe", "modify", "lung")], ["calcified granuloma"])
    assert write(items) == "calcified granuloma ; right upper lobe modify lung"
    assert parse(write(items), "codes") == items


def test_every_label_has_a_mark_of_its_own():
    assert set(MARKS) == set(LABELS)
    assert len(set(MARKS.values())) == len(LABELS)


TRIPLETS = [("opacity", "suggestive_of", "pneumonia"), ("left base", "modify", "patient's lung")]


def test_the_published_list():
    text = write_triplets(TRIPLETS)
    assert text == (
        "[['opacity', 'suggestive_of', 'pneumonia'], ['left base', 'modify', 'patient's lung']]"
    )
    assert parse_triplets(text) == TRIPLETS
    assert write_triplets([]) == "[]"
    assert parse_triplets("[]") == []


def test_the_published_plain_form():
    text = write_triplets(TRIPLETS, "plain")
    assert text == "opacity suggestive_of pneumonia; left base modify patient's lung"
    assert parse_triplets(text, "plain") == TRIPLETS
    assert parse_triplets("", "plain") == []


def test_what_is_malformed_in_a_published_form_is_left_out():
    assert parse_triplets("noise [ 'a' ,'modify', 'b'] ['a', 'is', 'b'] ['a', 'modify'") == [
        ("a", "modify", "b")
    ]
    assert parse_triplets("a modify b; modify c; d is e; ; f located_at", "plain") == [
        ("a", "modify", "b")
    ]


NAMES = st.from_regex(r"[a-z]{1,6}( [a-z]{1,6})?", fullmatch=True)


@given(st.lists(st.tuples(NAMES, st.sampled_from(RELATIONS), NAMES), max_size=5))
def test_published_forms_come_back(triplets):
    assert parse_triplets(write_triplets(triplets)) == triplets
    assert parse_triplets(write_triplets(triplets, "plain"), "plain") == triplets
