"""Method `oss-instruct`: what it asks, what it accepts, when it asks a second time."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from magicoder_core import Instruction, RecipeError, Rejection, Reply, Sampling, prompts
from magicoder_core.builtin import oss_instruct, tokens
from magicoder_core.builtin.oss_instruct import OssInstruct
from magicoder_core.testing import MethodContract, ScriptedAsk, snippet

GOOD = (
    "[Problem Description]\nWrite a function `f` that returns 1.\n\n[Solution]\n```python\ndef f():\n    return 1\n```"
)


class TestOssInstruct(MethodContract):
    provider = OssInstruct()
    replies = (GOOD,)


class TestOssInstructAsPublished(MethodContract):
    provider = OssInstruct(temperature=0.0, max_tokens=2500, context=8192)
    replies = (GOOD,)


class TestOssInstructWithGrammar(MethodContract):
    provider = OssInstruct(example=True, code_block=False)
    replies = ("## Problem\nSay yes.\n## Solution\nyes",)


def make(*replies: str | Reply, capabilities: tuple[str, ...] = (), **options: object):
    ask = ScriptedAsk(replies, capabilities=capabilities)
    return asyncio.run(OssInstruct(**options).instruct(snippet(), ask)), ask.requests


def test_a_row_of_a_good_answer():
    made, requests = make(GOOD)
    assert isinstance(made, Instruction)
    assert made.problem == "Write a function `f` that returns 1."
    assert made.solution == "```python\ndef f():\n    return 1\n```"
    assert (made.language, made.method, made.parent) == ("python", "oss-instruct", snippet().id)
    assert len(requests) == 1


def test_the_request_ends_with_the_snippet_and_may_show_an_example():
    _, (request,) = make(GOOD)
    assert [turn.role for turn in request.messages] == ["system", "user"]
    _, (request,) = make(GOOD, example=True)
    assert [turn.role for turn in request.messages] == ["system", "user", "assistant", "user"]
    assert snippet().code.rstrip() in request.messages[-1].content
    assert "[Problem Description]" in request.messages[-1].content
    assert request.sampling.grammar is None


def test_the_example_is_a_good_answer_itself():
    for turn in prompts.turns("oss-instruct", code="", language="python"):
        if turn.role == "assistant":
            found = prompts.sections(turn.content)
            assert isinstance(found, dict)
            (block,) = prompts.fences(found["solution"])
            compile(block.code, "example", "exec")


def test_the_example_does_what_it_says():
    (answer,) = [
        turn.content for turn in prompts.turns("oss-instruct", code="", language="python") if turn.role == "assistant"
    ]
    names: dict = {}
    exec(prompts.fences(answer)[0].code, names)
    assert names["drop_repeats"]([(0, "hi"), (3, "hi"), (9, "hi")], 5) == [(0, "hi"), (9, "hi")]


def test_options_change_the_turns(tmp_path):
    _, (request,) = make(GOOD, system="Be brief.")
    assert [turn.role for turn in request.messages] == ["system", "user"]
    assert request.messages[0].content == "Be brief."
    own = tmp_path / "published.txt"
    own.write_text("Snippet: {code}")
    _, (request,) = make(GOOD, template=str(own))
    assert [turn.content for turn in request.messages] == [f"Snippet: {snippet().code}"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(text=GOOD, finish_reason="length"), "truncated"),
        (Reply(text=GOOD, finish_reason="content_filter"), "content_filter"),
        ("I would rather not.", "unparsed"),
        ("[Problem Description]\n\n[Solution]\n```\nx\n```", "unparsed"),
        ("[Problem Description]\nDo it.\n[Solution]\nJust do it.", "no code"),
        ("[Problem Description]\nDo it.\n[Solution]\n```python\n\n```", "no code"),
    ],
)
def test_rejections_have_short_reasons(reply, reason):
    made, requests = make(reply)
    assert isinstance(made, Rejection)
    assert made.reason == reason
    assert len(requests) == 1


def test_an_answer_without_form_is_asked_for_again_under_a_grammar():
    made, requests = make("No sections here.", GOOD, capabilities=("grammar",))
    assert isinstance(made, Instruction)
    assert requests[1].messages == requests[0].messages
    assert "[Problem Description]" in requests[1].sampling.grammar


def test_no_second_request_where_it_cannot_help():
    for reply, options in (
        (Reply(text=GOOD, finish_reason="length"), {}),
        ("No sections here.", {"retry_with_grammar": False}),
    ):
        made, requests = make(reply, capabilities=("grammar",), **options)
        assert isinstance(made, Rejection)
        assert len(requests) == 1


def test_a_copy_of_the_example_is_asked_for_again_without_it():
    copied = next(
        turn.content for turn in prompts.turns("oss-instruct", code="", language="python") if turn.role == "assistant"
    )
    made, requests = make(copied, GOOD, example=True)
    assert isinstance(made, Instruction)
    assert [turn.role for turn in requests[1].messages] == ["system", "user"]
    made, _ = make(copied, copied, example=True)
    assert made == Rejection(reason="copied the example", detail=made.detail)


def test_a_wrong_template_is_found_before_the_run():
    OssInstruct().check()
    with pytest.raises(RecipeError, match="did you mean 'oss-instruct'"):
        OssInstruct(template="oss-instrukt").check()


def ask_for(code="x = 1\n", index=None, capabilities=("seed",), **options):
    """What a method asks about a snippet, or why it does not."""
    ask = ScriptedAsk([GOOD], capabilities=capabilities)
    made = asyncio.run(OssInstruct(**options).instruct(replace(snippet(code), index=index), ask))
    return ask.requests[0].sampling if ask.requests else made


def test_the_teacher_decides_how_to_draw_what_the_method_leaves_open():
    assert ask_for() == Sampling()


def test_a_row_has_its_seed():
    assert ask_for(index=4).seed == 980
    assert ask_for(index=4, seed=1).seed == 5
    assert ask_for(index=4, seed=None).seed is None
    assert ask_for(index=4, capabilities=()).seed is None


@pytest.mark.parametrize(("kilobytes", "tokens_left"), [(0, 2500), (5, 2500), (24, None)])
def test_the_answer_has_the_room_that_the_prompt_leaves(kilobytes, tokens_left):
    """One letter and one blank are one token, in every table."""
    code = " x" * (512 * kilobytes)
    asked = ask_for(code, temperature=0.0, max_tokens=2500, context=8192)
    if tokens_left is None:
        assert isinstance(asked, Rejection)
        assert asked.reason == "prompt too long"
        assert "of 8192 tokens" in asked.detail
    else:
        assert (asked.temperature, asked.max_tokens) == (0.0, tokens_left)


def test_the_room_is_the_published_formula(monkeypatch):
    code = " x" * 4000
    monkeypatch.setattr(tokens, "counter", lambda _: lambda text: text.count(" x") + 500)
    assert ask_for(code, max_tokens=5000, context=8192).max_tokens == 8192 - 4500 - 10


def table_here():
    tokens.counter.cache_clear()
    return tokens.counter("cl100k_base")


@pytest.mark.plugins
def test_tokens_are_counted_by_a_table_on_this_machine():
    """The plugin for LiteLLM brings tiktoken and the table."""
    count = table_here()
    assert count is not None
    assert count("hello world") == 2
    assert count(" x" * 1000) == 1000
    method = OssInstruct(max_tokens=2500, context=8192)
    assert method.provenance()["tokens"] == "cl100k_base"


def test_without_a_whole_table_tokens_are_estimated(monkeypatch, tmp_path):
    """A damaged table would be fetched anew by tiktoken: it is not even shown it."""
    (tmp_path / "9b5ad71b2ce5302211f9c61530b329a4922fc6a4").write_bytes(b"damaged")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "none"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    try:
        assert table_here() is None
        assert OssInstruct(max_tokens=2500, context=8192).provenance()["tokens"] == "estimated"
        assert ask_for("x" * 9000, max_tokens=2500, context=8192).max_tokens < 2500
        assert isinstance(ask_for("x" * 90_000, max_tokens=2500, context=8192), Rejection)
    finally:
        tokens.counter.cache_clear()


def test_the_estimate_and_the_bound_are_cautious():
    assert tokens.at_most("aé") == 3
    assert tokens.estimate("x" * 4) == 3
    assert tokens.estimate("é" * 4) == 8
    assert tokens.at_most("\ud800") == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": 0}, "max_tokens must be at least 1"),
        ({"max_tokens": 9, "context": -1}, "context must be at least 1"),
        ({"context": 8192}, "context needs max_tokens"),
        ({"encoding": "p50k"}, "encoding must be one of cl100k_base"),
    ],
)
def test_options_that_make_no_request(options, message):
    with pytest.raises(ValueError, match=message):
        OssInstruct(**options)


def test_structured_output_is_asked_for_and_read():
    answer = json.dumps({"problem": "Return 1.", "solution": "```python\nx = 1\n```"})
    made, (request,) = make(answer, capabilities=("json_schema", "grammar"), structured=True)
    assert isinstance(made, Instruction)
    assert made.problem == "Return 1."
    schema = json.loads(request.sampling.json_schema)
    assert schema["required"] == ["problem", "solution"]
    assert schema["additionalProperties"] is False


def test_structured_output_needs_a_teacher_that_has_it():
    with pytest.raises(RecipeError, match="structured"):
        make(GOOD, structured=True)


def test_an_answer_that_says_the_prompt_again_is_no_row():
    request = prompts.turns("oss-instruct", code="", language="python")[-1].content
    guidelines = request[request.index("1. [Problem") :]
    for answer in (guidelines, f"[Problem Description]\n{guidelines}\n[Solution]\n```python\nx = 1\n```"):
        made, _ = make(answer)
        assert isinstance(made, Rejection)


def test_a_block_left_open_is_closed():
    made, _ = make(GOOD.removesuffix("\n```"))
    assert made.solution.endswith("\n```")


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Files that stand for the published ones, whose text is not ours to keep; gives them as options."""
    template, system = "Original: {code}\nEnd", "You are an original."
    (tmp_path / "user.txt").write_text(template)
    (tmp_path / "system.txt").write_text(system)
    monkeypatch.setattr(oss_instruct, "PAPER_TEMPLATE", hashlib.sha256(template.encode()).hexdigest())
    monkeypatch.setattr(oss_instruct, "PAPER_SYSTEM", hashlib.sha256(system.encode()).hexdigest())
    return {"template": str(tmp_path / "user.txt"), "system": str(tmp_path / "system.txt")}


def test_the_published_prompt_is_known_by_its_hashes(published):
    method = OssInstruct(**published)
    assert method.provenance()["prompt"] == "paper"
    assert method.provenance()["template_sha256"] == oss_instruct.PAPER_TEMPLATE
    assert set(method.inputs()) == {"template", "system"}
    _, (request,) = make(GOOD, **published)
    assert [turn.content for turn in request.messages] == [
        "You are an original.",
        f"Original: {snippet().code}\nEnd",
    ]
    # An editor's last line end in the file of the sentence is not the sentence's.
    with Path(published["system"]).open("a") as file:
        file.write("\n")
    assert OssInstruct(**published).provenance()["prompt"] == "paper"


def test_anything_else_is_our_own_prompt(published):
    assert OssInstruct().provenance()["prompt"] == "own"
    assert OssInstruct(template=published["template"]).provenance()["prompt"] == "own"
    assert OssInstruct(system=published["system"]).provenance()["prompt"] == "own"
    with Path(published["template"]).open("a") as file:
        file.write("\n")
    assert OssInstruct(**published).provenance()["prompt"] == "own"


def test_a_system_file_that_is_no_text_is_one_line(tmp_path):
    (tmp_path / "system.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match=r"\[method\] system: .*system.txt"):
        OssInstruct(system=str(tmp_path / "system.txt")).check()


def test_a_usual_prompt_needs_no_tokenizer(monkeypatch):
    monkeypatch.setattr(tokens, "counter", lambda _: pytest.fail("asked for a tokenizer"))
    assert ask_for("x = 1\n" * 15, max_tokens=2500, context=8192).max_tokens == 2500


def test_the_packaged_prompt_has_the_published_structure():
    """arXiv 2312.02120 and `generate_data.py`: two turns, both section names, a plain fence, two guidelines, bold words."""
    system, user = prompts.turns("oss-instruct", example=False, code="x = 1", language="python")
    assert (system.role, user.role) == ("system", "user")
    assert system.content.count(".") == 1
    first, guidelines = user.content.split("Guidelines", 1)
    assert "[Problem Description] and [Solution]" in first
    assert "\nCode snippet for inspiration:\n```\nx = 1\n```\n" in first
    assert "\n1. [Problem Description]: " in guidelines
    assert "\n2. [Solution]: " in guidelines
    assert "**completely self-contained**" in guidelines
    assert "**correct**" in guidelines
