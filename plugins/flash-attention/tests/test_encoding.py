"""Rows as labelled tokens, and how they are kept."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from magicoder_flash_attention import encoded, encoding
from magicoder_flash_attention.batches import collate
from magicoder_flash_attention.encoding import Example, Examples, encode
from magicoder_flash_attention.template import Template

from magicoder_core import RunError, progress
from magicoder_core.testing import instruction, training_data


class Heard(progress.Silent):
    def __init__(self):
        self.lines, self.advanced, self.tasks = [], 0, []

    def begin(self, name, total, unit):
        self.tasks.append((name, total, unit))
        return 0

    def advance(self, task, amount, figures):
        self.advanced += amount

    def say(self, line):
        self.lines.append(line)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "encoded"


@pytest.fixture
def heard():
    made = Heard()
    with progress.reporting(made):
        yield made


@pytest.fixture
def template(make_tokenizer):
    return Template(make_tokenizer())


@pytest.fixture
def data(tmp_path):
    """Rows as a trainer is given them."""
    return lambda *rows: training_data(rows, tmp_path)


def entries(cache):
    return sorted(path.name for path in cache.iterdir() if path.is_dir())


# What is learnt


def test_only_the_response_and_its_stop_token_are_learnt(template, data):
    examples = encode(data(instruction("p", "solution")), template, 1000)
    (example,) = examples
    decode = template.tokenizer.decode
    assert decode(example.tokens[: example.prompt]).endswith("coding problem:\np<|im_end|>\n<|im_start|>assistant\n")
    assert decode(example.tokens[example.prompt :]) == "solution<|im_end|>"
    assert examples.supervised.tolist() == [len("solution") + 1]


@pytest.mark.parametrize("truncate", ["drop", "keep-end"])
@pytest.mark.parametrize("chat", ["own", None])
@pytest.mark.parametrize("pad", ["<|im_end|>", "<|endoftext|>", "x", None])
def test_the_stop_token_is_learnt_whatever_pads_and_whatever_stands_in_the_text(
    make_tokenizer, data, truncate, chat, pad
):
    template = Template(make_tokenizer(pad=pad, **({} if chat else {"chat": None})))
    rows = [
        instruction("p", "a <|im_end|> b <|endoftext|>"),
        instruction("<|im_end|>", "<|im_end|>"),
        instruction("p", "x" * 400),
    ]
    examples = encode(data(*rows), template, 1000 if truncate == "drop" else 420, truncate)
    assert len(examples) == 3
    for kind in ("packed", "padded"):
        batch = collate(examples, [0, 1, 2], [1.0] * 3, kind, template.pad)
        places = batch["predicts"].tolist()
        assert len(places) == examples.supervised.sum()
        # Of each example the last thing that is predicted is its stop token.
        ends = np.cumsum(examples.supervised) - 1
        assert batch["targets"][ends].tolist() == [template.stop] * 3
        ids = batch["input_ids"].flatten().tolist()
        assert [ids[place + 1] for place in places] == batch["targets"].tolist()
    # The pad token may stand in a text; that of a special token is letters there.
    assert examples.tokens(0)[examples.prompts[0] :].tolist().count(template.stop) == 1
    if pad == "x":
        assert examples.tokens(2)[examples.prompts[2] :].tolist().count(template.pad) > 100


def test_a_row_that_does_not_end_with_the_stop_token_would_be_seen(template):
    broken = Examples.of([Example("good", [1, template.stop], 1), Example("bad", [1, template.stop, 5], 1)])
    with pytest.raises(RunError, match=f"row bad does not end with the stop token {template.stop}"):
        encoding._assert_stops(broken, template.stop)


def test_an_instruction_is_taken_as_it_is_and_a_problem_gets_the_papers_line(template, data):
    from dataclasses import replace

    row = instruction("Do it.", "x")
    examples = encode(data(row, replace(row, wording="instruction")), template, 1000)
    texts = [template.tokenizer.decode(example.tokens[: example.prompt]) for example in examples]
    assert ["coding problem" in text for text in texts] == [True, False]


# Over-long rows, and rows with nothing to learn


def sized(template, *sizes):
    """Rows of so many tokens as a whole (one letter is one token), and the length of their common prompt."""
    prompt = len(template.pair(instruction("p").instruction, "")[0])
    return [instruction("p", "x" * (size - prompt - 1)) for size in sizes], prompt


CASES = {
    # of rows of 90, 100, 101 and 300 tokens, one with an empty solution, and one whose prompt has 400 tokens
    "drop": {"kept": 2, "overlong": 3, "truncated": 0, "refused": 1},
    "keep-end": {"kept": 4, "overlong": 0, "truncated": 2, "refused": 2},
    "paper": {"kept": 4, "overlong": 0, "truncated": 2, "refused": 2},
}


@pytest.mark.parametrize("truncate", CASES)
def test_every_row_is_counted_exactly(template, data, truncate, heard):
    rows, prompt = sized(template, 90, 100, 101, 300)
    assert prompt < 90
    rows += [instruction("p", " \n"), instruction("p" * 400, "long")]
    examples = encode(data(*rows), template, 100, truncate)
    counts = examples.counts.to_dict()
    sizes = [90, 100] if truncate == "drop" else [90, 100, 100, 100]
    assert counts == {
        "rows": 6,
        **CASES[truncate],
        "tokens": sum(sizes),
        "supervised": sum(sizes) - prompt * len(sizes),
        "longest": 100,
    }
    assert counts["rows"] == counts["kept"] + counts["overlong"] + counts["refused"]
    assert examples.lengths.tolist() == sizes
    assert examples.ids == [row.id for row in rows[: len(sizes)]]
    assert len(heard.lines) == 1


def test_one_line_says_all_counts(template, data, heard):
    rows, prompt = sized(template, 90, 100, 101)
    encode(data(*rows, instruction("p", "")), template, 100)
    encode(data(*rows, instruction("p", "")), template, 100, "paper")
    learnt = (190 - 2 * prompt) / 190
    assert heard.lines[0] == (
        "2 of 4 rows, 1 longer than 100 tokens and left out, 1 refused: nothing to learn in them; "
        f"190 tokens, {learnt:.1%} of them learnt, longest row 100"
    )
    assert heard.lines[1].startswith(
        "3 of 4 rows, 1 cut to 100 tokens, 1 refused: nothing to learn in them; 290 tokens"
    )
    assert heard.tasks == [("encode", 4, "row")] * 2
    assert heard.advanced == 8


def test_keep_end_cuts_the_solution_and_paper_cuts_the_stop_token(template, data):
    (row,), prompt = sized(template, 101)
    whole = list(itertools.chain(*template.pair(row.instruction, row.solution)))
    (kept,) = encode(data(row), template, 100, "keep-end")
    (cut,) = encode(data(row), template, 100, "paper")
    assert kept.tokens == [*whole[:99], template.stop]
    assert cut.tokens == whole[:100]
    assert template.stop not in cut.tokens[prompt:]
    assert kept.prompt == cut.prompt == prompt


@pytest.mark.parametrize(("truncate", "least"), [("drop", 20), ("keep-end", 2), ("paper", 1)])
def test_how_much_room_a_prompt_must_leave(template, data, truncate, least):
    solution = "x" * 19
    prompt = len(template.pair(instruction("p").instruction, "")[0])
    short = instruction("q", "y")  # fits in any case, so that something is left
    assert len(encode(data(short, instruction("p" * 21, solution)), template, prompt + 20 + least, truncate)) == 2
    assert len(encode(data(short, instruction("p" * 21, solution)), template, prompt + 20 + least - 1, truncate)) == 1


@pytest.mark.parametrize(
    ("rows", "truncate", "line"),
    [
        ([], "drop", "trainer: there are no rows to train on"),
        ([instruction("p", "x" * 500)], "drop", "none of 1 rows fits into max_length = 20 tokens; the shortest has "),
        (
            [instruction("p", "x" * 500)],
            "keep-end",
            "none of 1 rows has anything to learn within max_length = 20 tokens",
        ),
        ([instruction("p", "x" * 500)], "paper", "a prompt that leaves no room for one; the shortest has "),
        ([instruction("p", "")], "drop", "none of 1 rows has anything to learn .* an empty solution"),
        ([instruction("p", ""), instruction("p", "x" * 500)], "drop", "the shortest has .*; 1 have nothing to learn"),
    ],
)
def test_no_row_left_is_one_line(template, data, rows, truncate, line):
    with pytest.raises(RunError, match=line) as found:
        encode(data(*rows), template, 20, truncate)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_rows_come_out_the_same_in_batches_of_any_size(template, data, monkeypatch, batch, cache):
    rows = [instruction(f"p{number}", "x" * (5 * number + 1)) for number in range(5)]
    whole = list(encode(data(*rows), template, 1000))
    shutil.rmtree(cache)
    monkeypatch.setattr(encoding, "_BATCH", batch)
    assert list(encode(data(*rows), template, 1000)) == whole
    assert [example.tokens for example in whole] == [
        list(itertools.chain(*template.pair(row.instruction, row.solution))) for row in rows
    ]


def test_a_text_that_no_tokenizer_takes_is_encoded(template, data):
    (example,) = encode(data(instruction("a \ud83d b", "c \udc00 d")), template, 1000)
    assert template.tokenizer.decode(example.tokens[example.prompt :]) == "c ? d<|im_end|>"


# Examples


def three():
    return Examples.of([Example("a", [1, 2, 3], 1), Example("b", [4, 5], 1), Example("c", [6, 7, 8, 9], 3)])


def test_examples_are_a_sequence():
    made = three()
    assert len(made) == 3
    assert list(made) == [Example("a", [1, 2, 3], 1), Example("b", [4, 5], 1), Example("c", [6, 7, 8, 9], 3)]
    assert made[-1] == made[2]
    assert list(made[1:]) == [made[1], made[2]]
    assert made.tokens(1).tolist() == [4, 5]
    assert made.tokens(1).base is not None, "a view"
    assert made.supervised.tolist() == [2, 1, 1]
    assert made.largest == 9
    with pytest.raises(IndexError):
        made[3]
    assert made.counts.to_dict() == {
        "rows": 3, "kept": 3, "overlong": 0, "truncated": 0, "refused": 0, "tokens": 9, "supervised": 4, "longest": 4,
    }  # fmt: skip


def test_a_selection_is_as_if_there_were_no_others():
    chosen = three().select([2, 0])
    alone = Examples.of([three()[2], three()[0]])
    assert list(chosen) == list(alone)
    assert chosen.digest == alone.digest
    assert chosen.counts == alone.counts
    assert chosen.largest == 9
    assert list(chosen.select([1])) == [three()[0]]


def test_the_digest_tells_examples_apart():
    made = three()
    others = [
        Examples.of([Example("z", [1, 2, 3], 1), *made[1:]]),
        Examples.of([Example("a", [1, 2, 4], 1), *made[1:]]),
        Examples.of([Example("a", [1, 2, 3], 2), *made[1:]]),
        Examples.of([Example("a", [1, 2], 1), Example("b", [3, 4, 5], 1), made[2]]),
        made.select([1, 0, 2]),
    ]
    assert len({made.digest, *(other.digest for other in others)}) == 6
    assert made.digest == three().digest


@pytest.mark.parametrize("example", [Example("a", [1, 2], 0), Example("a", [1, 2], 2)], ids=["prompt", "supervised"])
def test_no_example_is_without_a_prompt_or_without_anything_to_learn(example):
    with pytest.raises(ValueError, match="example a: without a prompt, or with nothing to learn"):
        Examples.of([example])


# The cache


def test_what_was_encoded_once_is_read_again(template, data, monkeypatch, heard, cache):
    rows = [instruction("p", "x" * length) for length in (10, 500, 20)]
    first = encode(data(*rows), template, 300)
    monkeypatch.setattr(template, "pairs", lambda *_: pytest.fail("tokenised again"))
    again = encode(data(*rows), template, 300)
    assert list(again) == list(first)
    assert again.digest == first.digest
    assert again.counts == first.counts
    assert heard.lines[1] == heard.lines[0].replace("rows,", "rows (encoded before),")
    assert len(entries(cache)) == 1


def test_tokens_stay_on_the_disk(template, data):
    examples = encode(data(instruction("p", "solution")), template, 1000)
    base = examples.tokens(0)
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap)
    assert base.mode == "r"


def test_anything_that_changes_the_tokens_is_encoded_anew(make_tokenizer, data, cache):
    rows = data(instruction("p", "x" * 30), instruction("q", "y" * 3))
    encode(rows, Template(make_tokenizer()), 500)
    others = [
        lambda: encode(rows, Template(make_tokenizer()), 499),
        lambda: encode(rows, Template(make_tokenizer()), 500, "keep-end"),
        lambda: encode(rows, Template(make_tokenizer()), 500, "paper"),
        lambda: encode(rows, Template(make_tokenizer(), "magicoder"), 500),
        lambda: encode(rows, Template(make_tokenizer(chat="{{ messages[0].content }}")), 500),
        lambda: encode(rows, Template(make_tokenizer(eos="<|endoftext|>")), 500),
        lambda: encode(data(instruction("p", "x" * 31)), Template(make_tokenizer()), 500),
    ]
    for number, other in enumerate(others, 2):
        other()
        assert len(entries(cache)) == number
    encode(data(instruction("p", "x" * 30), instruction("q", "y" * 3)), Template(make_tokenizer()), 500)
    assert len(entries(cache)) == number


def test_a_vocabulary_alone_makes_another_key(make_tokenizer, data, cache):
    rows = data(instruction("p", "x"))
    tokenizer = make_tokenizer()
    encode(rows, Template(tokenizer), 200)
    tokenizer.add_tokens(["solution"])
    encode(rows, Template(tokenizer), 200)
    assert len(entries(cache)) == 2


def test_where_a_tokenizer_lies_makes_no_other_key(make_tokenizer, data, cache, tmp_path):
    from magicoder_flash_attention import student

    make_tokenizer().save_pretrained(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    here, there = (student.tokenizer_of(str(tmp_path / place)) for place in ("here", "there"))
    # As after a load from the Hub.
    assert there.init_kwargs.pop("is_local")
    for tokenizer in (here, there):
        encode(data(instruction("p", "x")), Template(tokenizer), 200)
    assert len(entries(cache)) == 1


def damage(entry, how):
    tokens, about = entry / "tokens.bin", entry / "about.json"
    if how == "changed":
        content = bytearray(tokens.read_bytes())
        content[5] ^= 1
        tokens.write_bytes(content)
    elif how == "shorter":
        tokens.write_bytes(tokens.read_bytes()[:-4])
    elif how == "torn within a token":
        tokens.write_bytes(tokens.read_bytes()[:-3])
    elif how == "empty":
        tokens.write_bytes(b"")
    elif how == "no JSON":
        about.write_text("{")
    elif how == "other JSON":
        about.write_text("[]")
    elif how == "lacks a name":
        about.write_text(json.dumps({"ids": []}))
    elif how == "other prompts":
        rows = np.fromfile(entry / "rows.bin", dtype="<i4")
        rows[-1] -= 1
        rows.tofile(entry / "rows.bin")
    else:
        (entry / how).unlink()


@pytest.mark.parametrize(
    "how",
    [
        "changed", "shorter", "torn within a token", "empty", "no JSON", "other JSON", "lacks a name", "other prompts",
        "tokens.bin", "rows.bin", "about.json",
    ],
)  # fmt: skip
def test_damage_is_seen_and_mended_with_a_line(template, data, cache, heard, how):
    rows = data(instruction("p", "x"), instruction("q", "yy"))
    whole = list(encode(rows, template, 200))
    (entry,) = entries(cache)
    damage(cache / entry, how)
    assert list(encode(rows, template, 200)) == whole
    assert heard.lines[1].startswith("encoded rows in the cache are damaged (")
    assert heard.lines[1].endswith("): encoding them anew")
    assert entries(cache) == [entry]
    encode(rows, template, 200)
    assert len(heard.lines) == 4, "mended: no second line of damage"


def test_only_the_sets_used_last_are_kept(template, data, cache, monkeypatch):
    monkeypatch.setattr(encoded, "KEPT", 3)
    rows = data(instruction("p", "x"))

    def used(limit, at):
        """The entry of that limit, which seems to have been used at that time."""
        encode(rows, template, limit)
        newest = max(cache.glob("?" * 64), key=lambda path: path.stat().st_mtime)
        os.utime(newest, (at, at))
        return newest.name

    first, second, third = used(201, 1), used(202, 2), used(203, 3)
    assert used(201, 4) == first
    fourth = used(204, 5)
    assert len({first, second, third, fourth}) == 4
    assert entries(cache) == sorted([first, third, fourth])


def test_what_a_kill_left_is_cleared_away(template, data, cache):
    encode(data(instruction("p", "x")), template, 200)
    (entry,) = entries(cache)
    shutil.rmtree(cache / entry)
    torn, foreign, busy = cache / f"{entry}.abc.part", cache / f"{'0' * 64}.abc.part", cache / f"{'1' * 64}.abc.part"
    for folder in (torn, foreign, busy):
        folder.mkdir()
        (folder / "tokens.bin").write_bytes(b"1234")
        os.utime(folder, (0, 0))
    os.utime(foreign / "tokens.bin", (0, 0))
    encode(data(instruction("p", "x")), template, 200)
    assert entries(cache) == sorted([entry, busy.name]), "one that is still written to is left alone"


def test_an_error_while_rows_are_encoded_leaves_nothing(template, data, cache, monkeypatch):
    monkeypatch.setattr(template, "pairs", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        encode(data(instruction("p", "x")), template, 200)
    assert entries(cache) == []


def test_where_no_row_is_left_nothing_is_kept(template, data, cache):
    with pytest.raises(RunError, match="none of 1 rows fits"):
        encode(data(instruction("p", "x" * 500)), template, 20)
    assert entries(cache) == []


def test_a_full_disk_is_one_line(template, data, cache, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(encoding.Writer, "add", full)
    with pytest.raises(
        RunError, match=r"encoded: cannot keep .* \(No space left on device\); make room, or name"
    ) as found:
        encode(data(instruction("p", "x")), template, 200)
    assert "\n" not in str(found.value)
    assert entries(cache) == []


WRITER = """
import sys, time
from pathlib import Path
from magicoder_flash_attention import encoded
from magicoder_flash_attention.examples import Example, Writer

log, pause = Path(sys.argv[1]), float(sys.argv[2])

def write(folder):
    writer = Writer(folder)
    writer.add(Example(str(number), [number, 1, 2], 1) for number in range(1000))
    with log.open("a") as lines:
        lines.write("written\\n")
    time.sleep(pause)
    writer.finish(writer.counts(rows=1000))

examples, known = encoded.examples("ab", write)
print(examples.digest, len(examples))
"""


def writing(tmp_path, pause):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "log"), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_of_several_processes_one_encodes_and_all_get_the_same(tmp_path, cache):
    started = [writing(tmp_path, 0.5) for _ in range(4)]
    said = {process.communicate(timeout=60)[0] for process in started}
    assert len(said) == 1
    assert said.pop().split()[1] == "1000"
    assert (tmp_path / "log").read_text() == "written\n"
    assert entries(cache) == ["ab"]


def test_a_kill_while_rows_are_written_leaves_nothing_that_counts(tmp_path, cache):
    killed = writing(tmp_path, 60)
    while not (tmp_path / "log").exists():
        assert killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert [name.endswith(".part") for name in entries(cache)] == [True]
    said, _ = writing(tmp_path, 0).communicate(timeout=60)
    assert said.split()[1] == "1000"
    assert entries(cache) == ["ab"]
    assert (tmp_path / "log").read_text() == "written\n" * 2


def test_an_entry_that_is_removed_meanwhile_is_still_read(template, data, cache):
    examples = encode(data(instruction("p", "solution")), template, 1000)
    whole = list(examples)
    shutil.rmtree(cache)
    assert list(examples) == whole
