"""Method `oss-instruct`: what it asks, what it accepts, when it asks a second time."""

from __future__ import annotations

import asyncio

import pytest

from magicoder_core import Instruction, RecipeError, Rejection, Reply, prompts
from magicoder_core.builtin.oss_instruct import OssInstruct
from magicoder_core.testing import MethodContract, ScriptedAsk, snippet

GOOD = (
    "[Problem Description]\nWrite a function `f` that returns 1.\n\n[Solution]\n```python\ndef f():\n    return 1\n```"
)


class TestOssInstruct(MethodContract):
    provider = OssInstruct()
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
    assert [turn.content for turn in request.messages] == [f"Snippet: {snippet().code.rstrip()}"]


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
