"""Categories: how often they are what a person says, and how texts become vectors."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from magicoder_quality.analysis import categories
from magicoder_quality.analysis import embedding as embeddings
from magicoder_quality.analysis.categories import NAMES, PHRASES, Categories, Shares, text_of
from magicoder_quality.analysis.embedding import WORD_VECTORS, SentenceModel, WordVectors, embedding
from magicoder_quality.analysis.rows import Row

from magicoder_core import RunError

HERE = Path(__file__).parent
LABELS = json.loads((HERE / "test_analysis_labels.json").read_text("utf-8"))
REAL = Path(os.environ.get("MAGICODER_TEST_DATA") or HERE.parents[3] / "shared" / "data")
ALPACA = REAL / "codealpaca" / "code_alpaca_2k.json"
ROW = Row("a problem", "a solution", "a seed")


@pytest.fixture(scope="module")
def named():
    return Categories(WordVectors())


def right(named, texts, labels):
    """The share of texts that get one of their labels."""
    found = named.of(texts)
    wanted = [{LABELS["names"][label] for label in one.split()} for one in labels]
    return sum(NAMES[place] in names for place, names in zip(found, wanted, strict=True)) / len(texts)


def test_the_categories_are_the_papers():
    assert len(NAMES) == 10
    assert all(name.endswith(" Problems") for name in NAMES)
    assert set(LABELS["names"].values()) == set(NAMES)
    assert all(len(phrases) > 4 for phrases in PHRASES.values())


def test_each_category_is_found_in_its_own_phrases(named):
    for name, phrases in PHRASES.items():
        assert named.of(phrases) == [NAMES.index(name)] * len(phrases)


def test_nine_in_ten_of_our_texts_are_named_as_a_person_does(named):
    labels, texts = zip(*LABELS["own"], strict=True)
    assert right(named, texts, labels) >= 0.9


@pytest.mark.parametrize("part", ["code_alpaca", "code_alpaca_held_out"])
@pytest.mark.parametrize("solved", [False, True], ids=["problem", "problem-solution"])
def test_nine_in_ten_rows_of_code_alpaca_are_named_as_a_person_does(named, part, solved):
    if not ALPACA.exists():
        pytest.skip(f"{ALPACA} is not there")
    rows = json.loads(ALPACA.read_text("utf-8"))
    chosen = [rows[int(place)] for place in LABELS[part]]
    texts = ["\n\n".join([row["instruction"], row["input"], row["output"] if solved else ""]) for row in chosen]
    assert right(named, texts, LABELS[part].values()) >= 0.9


def test_a_text_without_words_has_no_category(named):
    assert named.of(["", "123 + 4", "the of and"]) == [None, None, None]


def test_vectors_have_length_one_and_do_not_depend_on_their_company():
    made = WordVectors()
    one = made.of_texts(["sort a list of numbers"])
    again = made.of_texts(["something else", "sort a list of numbers", ""])
    assert np.linalg.norm(one) == pytest.approx(1)
    assert again[1] == pytest.approx(one[0])
    assert not again[2].any()


def test_words_beyond_those_that_are_kept_have_the_same_vectors(monkeypatch):
    text = "encrypt a file with a secret key and sort its lines"
    kept = WordVectors().of_texts([text])
    monkeypatch.setattr(embeddings, "_WORDS", 2)
    assert WordVectors().of_texts([text]) == pytest.approx(kept, abs=1e-6)


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("seed", "a seed"),
        ("problem", "a problem"),
        ("solution", "a solution"),
        ("problem-solution", "a problem\na solution"),
    ],
)
def test_the_text_of_a_row_is_the_part_that_is_asked_for(mode, text):
    assert text_of(ROW, mode) == text


def test_rows_without_a_seed_have_no_category(named):
    shares = Shares(named, "seed")
    shares.add(ROW._replace(seed=None))
    assert shares.facts() == {"counts": [0] * 10, "none": 1}


@pytest.mark.parametrize("limit", ["_BATCH", "_CHARACTERS"])
def test_counts_do_not_depend_on_how_many_texts_go_together(named, limit, monkeypatch):
    rows = [ROW._replace(problem=text) for _, text in LABELS["own"]]

    def counted():
        shares = Shares(named, "problem")
        for row in rows:
            shares.add(row)
        return shares.facts()

    whole = counted()
    monkeypatch.setattr(categories, limit, 7)
    assert counted() == whole
    assert sum(whole["counts"]) == len(rows)


def test_word_vectors_that_are_not_installed_are_named(monkeypatch):
    monkeypatch.setattr(embeddings.util, "find_spec", lambda name: None)
    with pytest.raises(RunError, match="pip install 'wordllama"):
        embedding(WORD_VECTORS).of_texts(["sort"])


def test_a_model_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setattr(embeddings.util, "find_spec", lambda name: None)
    with pytest.raises(RunError, match=r"pip install 'magicoder-quality\[embeddings\]'"):
        embedding("some/model").of_texts(["sort"])


@pytest.mark.parametrize(
    ("name", "told"), [("hkunlp/instructor-large", True), ("sentence-transformers/all-MiniLM-L6-v2", False)]
)
def test_instructor_models_are_told_what_a_text_is_for(name, told, monkeypatch):
    """Texts and queries under instructions of their own, as in the paper; other models get none."""
    asked = []

    class Model:
        def encode(self, texts, *, prompt, **options):
            asked.append(prompt)
            return np.ones((len(texts), 4))

    made = SentenceModel(name)
    monkeypatch.setitem(made.__dict__, "_model", Model())
    found = made.of_texts(["text", " "])
    made.of_queries(["query"])
    assert [prompt is not None for prompt in asked] == [told, told]
    assert len(set(asked)) == 1 + told
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 0])


def test_a_model_of_sentence_transformers_names_categories(tmp_path):
    """A real, tiny one with random weights, saved and loaded as any other."""
    library = pytest.importorskip("sentence_transformers", reason="magicoder-quality[embeddings] is not installed")
    from transformers import BertConfig, BertModel, BertTokenizerFast

    vocabulary = tmp_path / "vocab.txt"
    words = sorted({word for phrases in PHRASES.values() for phrase in phrases for word in phrase.lower().split()})
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]), "utf-8")
    config = BertConfig(
        vocab_size=len(words) + 5, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(tmp_path / "bert")
    BertTokenizerFast(vocab=str(vocabulary)).save_pretrained(tmp_path / "bert")
    parts = library.sentence_transformer.modules if hasattr(library, "sentence_transformer") else library.models
    words_of = parts.Transformer(str(tmp_path / "bert"))
    model = library.SentenceTransformer(modules=[words_of, parts.Pooling(32)])
    model.save(str(tmp_path / "model"))
    named = Categories(embedding(str(tmp_path / "model")))
    phrases = [phrases[1] for phrases in PHRASES.values()]
    assert named.of(phrases) == list(range(10))


def test_a_model_that_is_not_there_is_one_line(monkeypatch, tmp_path):
    pytest.importorskip("sentence_transformers", reason="magicoder-quality[embeddings] is not installed")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(RunError, match="no such model of sentence-transformers here"):
        embedding(str(tmp_path / "nothing")).of_texts(["sort"])
