import asyncio
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from magicoder_quality import Judge
from magicoder_quality.grading import grades
from magicoder_quality.judge import AXES

from magicoder_core import RecipeError, Reply, TeacherError
from magicoder_core.testing import ScriptedAsk, instruction

TWO = {"axis-one": "is it one?", "two": "is it two?"}
BOTH = '{"axis-one": {"reason": "line 2", "score": 4}, "two": {"reason": "none", "score": 2}}'


def answer(**scores):
    given = {axis: {"reason": f"because of {axis}", "score": scores.get(axis.replace("-", "_"), 4)} for axis in AXES}
    return json.dumps(given)


def assessed(judge, ask, row=None):
    return asyncio.run(judge.assess(row or instruction(), ask))


def test_grades_become_scores_and_reasons_evidence():
    judgement = assessed(Judge(explain=True), ScriptedAsk([answer(edge_cases=2)]))
    assert judgement.keep
    assert judgement.reason == "graded"
    assert judgement.scores == {
        "judge.conformance": 4,
        "judge.correctness": 4,
        "judge.edge-cases": 2,
        "judge.clarity": 4,
        "judge.mean": 3.5,
    }
    assert judgement.evidence["reasons"]["edge-cases"] == "because of edge-cases"
    plain = assessed(Judge(), ScriptedAsk([answer(edge_cases=2)]))
    assert (plain.keep, plain.reason, plain.evidence, plain.scores) == (True, None, {}, judgement.scores)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, None),
        ({"min_score": 2}, None),
        ({"min_score": 3}, "edge-cases below 3"),
        ({"min_mean": 3.5}, None),
        ({"min_mean": 3.6}, "mean below 3.6"),
        ({"min_mean": 4, "min_score": 3}, "edge-cases below 3"),
    ],
)
def test_rows_are_dropped_only_below_what_is_asked_for(options, reason):
    judgement = assessed(Judge(**options), ScriptedAsk([answer(edge_cases=2)]))
    assert (judgement.keep, judgement.reason) == (reason is None, reason)


def test_an_unreadable_answer_is_asked_for_once_more_in_other_words():
    ask = ScriptedAsk(["It is fine, I think.", answer()])
    assert assessed(Judge(), ask).scores["judge.mean"] == 4
    first, second = ask.requests
    assert first.id != second.id, "else the journal would give the first answer again"
    assert second.messages[: len(first.messages)] == first.messages
    assert [turn.role for turn in second.messages[-2:]] == ["assistant", "user"]
    assert "conformance, correctness, edge-cases, clarity" in second.messages[-1].content


@pytest.mark.parametrize("said", ["", "no", '{"conformance": 4}', answer(clarity=6), answer(clarity=0), "4 4 4 4"])
def test_a_row_without_a_judgement_is_kept_and_flagged(said):
    ask = ScriptedAsk([said, said])
    judgement = assessed(Judge(min_score=3), ask)
    assert (judgement.keep, judgement.reason, judgement.scores) == (True, "no judgement", {})
    assert judgement.evidence["detail"] == said[-300:]
    assert len(ask.requests) == 2


@pytest.mark.parametrize(
    ("kind", "stops"), [("content_filter", False), ("malformed", False), ("quota", True), ("bad_request", True)]
)
def test_only_what_concerns_the_row_alone_is_its_own(kind, stops):
    ask = ScriptedAsk([TeacherError(kind, "no")])
    if stops:
        with pytest.raises(TeacherError):
            assessed(Judge(), ask)
    else:
        judgement = assessed(Judge(), ask)
        assert (judgement.keep, judgement.reason) == (True, "no judgement")
        assert judgement.evidence["detail"].startswith(kind)


def test_a_row_that_is_too_long_is_not_asked_about():
    judgement = assessed(Judge(max_characters=20), ScriptedAsk([]))
    assert (judgement.keep, judgement.reason) == (True, "no judgement")
    assert "max_characters = 20" in judgement.evidence["detail"]


def test_the_same_row_is_the_same_request():
    asks = [ScriptedAsk([answer()]), ScriptedAsk([answer()])]
    for ask in asks:
        assessed(Judge(), ask)
    assert asks[0].requests[0].id == asks[1].requests[0].id


def test_a_capable_teacher_is_held_to_the_form():
    ask = ScriptedAsk([answer()], capabilities=("json_schema", "grammar"))
    assessed(Judge(axes=TWO), ScriptedAsk([BOTH]))
    assessed(Judge(), ask)
    sampling = ask.requests[0].sampling
    schema = json.loads(sampling.json_schema)
    assert sampling.grammar is None
    assert schema["required"] == list(AXES)
    assert list(schema["properties"]["clarity"]["properties"]) == ["reason", "score"]
    ask = ScriptedAsk([answer()], capabilities=("grammar",))
    assessed(Judge(), ask)
    assert ask.requests[0].sampling.json_schema is None
    assert '\\"edge-cases\\": ' in ask.requests[0].sampling.grammar
    ask = ScriptedAsk([answer()])
    assessed(Judge(), ask)
    assert (ask.requests[0].sampling.json_schema, ask.requests[0].sampling.grammar) == (None, None)


@pytest.mark.parametrize(
    "text", ["```\n```` and `````\n{{ problem }} {% block request %}", "\0problem\0", "````````text\nAxes: none"]
)
def test_a_rows_text_cannot_leave_its_place(text):
    ask = ScriptedAsk([answer()])
    assessed(Judge(), ask, instruction(f"P{text}P", f"S{text}S"))
    asked = ask.requests[0].messages[-1].content
    fence = next(line.removesuffix("text") for line in asked.splitlines() if re.fullmatch("`{4,}text", line))
    inside = asked.split(f"\n{fence}")
    assert f"P{text}P" in asked
    assert f"S{text}S" in asked
    assert fence not in text, "longer than any run in the row"
    assert len([part for part in inside if part.startswith("text\n")]) == 2


def test_axes_and_template_are_the_users(tmp_path):
    path = tmp_path / "mine.jinja"
    path.write_text("{% for a in axes %}{{ a }},{% endfor %}|{{ problem }}|{{ solution }}|{{ highest }}")
    judge = Judge(axes=TWO, template=str(path))
    ask = ScriptedAsk([BOTH])
    assert assessed(judge, ask, instruction("P", "S")).scores == {"judge.axis-one": 4, "judge.two": 2, "judge.mean": 3}
    assert [turn.content for turn in ask.requests[0].messages] == ["axis-one,two,|P|S|5"]
    assert judge.inputs() == {"template": path}
    assert judge.provenance() != Judge().provenance()
    path.write_text("{{ nothing_of_that_name }}")
    with pytest.raises(RecipeError, match="nothing_of_that_name"):
        Judge(template=str(path)).check()
    with pytest.raises(RecipeError, match="no prompt template"):
        Judge(template=str(tmp_path / "none.jinja")).check()


@pytest.mark.parametrize(
    "options",
    [
        {"axes": {}},
        {"axes": {"Mean Axis": "x"}},
        {"axes": {"mean": "x"}},
        {"min_score": 0},
        {"min_mean": 6},
        {"max_tokens": 0},
    ],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options)).partition("=")[0]):
        Judge(**options)


@pytest.mark.parametrize(
    "said",
    [
        BOTH,
        f"```json\n{BOTH}\n```",
        f"Here is my review:\n\n{BOTH}\n\nLet me know!",
        f"<think>{{'a': maybe}} {{}} [</think>{BOTH}",
        BOTH.replace("4", '"4"').replace(": 2", ': "2/5"'),
        BOTH.replace("axis-one", "Axis One").replace('"score"', '"Rating"'),
        BOTH.replace("axis-one", "axis_one").replace(": 2}", ': "two - it breaks"}'),
        '{"axis-one": 4, "two": 2}',
        '{"scores": {"axis-one": 4, "two": 2}, "comment": "x"}',
        '[{"axis": "axis-one", "score": 4, "reason": "line 2"}, {"axis": "Two", "score": 2}]',
        '{"axis-one": {"score": 1}, "two": {"score": 1}} no, wait: ' + BOTH,
        "Axis one: 4 - line 2 is odd\nTwo: 2/5",
        "**Axis-One**: 4\n\n**Two:** 2 out of 5, for it is slow",
        "- axis_one = 4.0\n- two = 2",
        BOTH[:-1] + ",}",
    ],
)
def test_answers_are_read_however_they_are_dressed(said):
    if said.endswith(",}"):
        assert grades(said, list(TWO), 1, 5) is None, "no JSON: asked for again"
        return
    read = grades(said, list(TWO), 1, 5)
    assert read is not None
    assert [grade.score for grade in read.values()] == [4, 2]


@pytest.mark.parametrize(
    "said",
    [
        "",
        "{}",
        "[]",
        '{"two": 2}',
        '{"axis-one": 4, "two": 9}',
        '{"axis-one": 4, "two": true}',
        '{"axis-one": 4, "two": "2/10"}',
        "Axis one: good\nTwo: bad",
        "[" * 5000,
    ],
)
def test_what_is_no_judgement_is_none(said):
    assert grades(said, list(TWO), 1, 5) is None


@given(st.text(max_size=300))
def test_no_answer_breaks_the_reader(said):
    read = grades(said, list(TWO), 1, 5)
    assert read is None or all(1 <= grade.score <= 5 for grade in read.values())


@given(st.integers(1, 5), st.integers(1, 5), st.text(max_size=40), st.text(alphabet="abc {}[]\n", max_size=40))
def test_what_is_given_is_read(one, two, reason, around):
    given_ = json.dumps({"axis-one": {"reason": reason, "score": one}, "two": {"reason": "", "score": two}})
    read = grades(f"{around.replace('{', '').replace('[', '')}{given_}", list(TWO), 1, 5)
    assert read is not None
    assert (read["axis-one"].score, read["two"].score) == (one, two)
    assert read["axis-one"].reason == reason.strip()


@pytest.mark.model
@pytest.mark.plugins
@pytest.mark.timeout(600)
def test_a_real_model_judges():
    local = pytest.importorskip("magicoder_llama_cpp", reason="the local teacher is another plugin's")

    class Asked:
        def __init__(self, teacher):
            self.teacher = teacher

        async def __call__(self, request) -> Reply:
            return await self.teacher.complete(request)

        def supports(self, capability):
            return self.teacher.supports(capability)

    async def session():
        teacher = local.LlamaCpp(model="qwen2.5-coder-0.5b-instruct", parallel=1, context=2048)
        await teacher.open()
        try:
            return await Judge(max_tokens=400, explain=True).assess(instruction(), Asked(teacher))
        finally:
            await teacher.close()

    judgement = asyncio.run(session())
    assert judgement.reason == "graded"
    assert set(judgement.scores) == {*(f"judge.{axis}" for axis in AXES), "judge.mean"}
    assert all(1 <= score <= 5 for score in judgement.scores.values())
    assert all(judgement.evidence["reasons"].values())


def test_the_packaged_template_is_a_file_of_the_package():
    import magicoder_quality

    assert (Path(magicoder_quality.__file__).parent / "templates" / "judge.jinja").is_file()
