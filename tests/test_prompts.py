"""Templates: packaged or by path, in turns or whole, and one clear line for each way to get them wrong."""

from __future__ import annotations

import pytest

from magicoder_core import RecipeError, prompts
from magicoder_core.prompts import render, turns
from magicoder_core.resources import templates


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_public_names():
    assert all(hasattr(prompts, name) for name in prompts.__all__)


def test_packaged_template_is_found_by_name():
    assert render("oss-instruct", code="x = 1", language="python") == render(
        "oss-instruct.jinja", code="x = 1", language="python"
    )


@pytest.mark.parametrize("path", sorted((templates() / "prompts").glob("*.jinja")), ids=lambda path: path.name)
def test_packaged_templates_render_their_values(path):
    told = turns(path.name, code="UNIQUE = 1", language="rust")
    assert told[-1].role == "user"
    assert "UNIQUE = 1" in told[-1].content
    assert not any("{{" in turn.content or "{%" in turn.content for turn in told)


def test_blocks_become_turns(tmp_path):
    path = write(
        tmp_path / "p.jinja",
        "{% macro ask(x) %}Ask {{ x }}{% endmacro %}"
        "{% block request %}{{ ask(code) }}{% endblock %}\n"
        "{% block system %} Be good. {% endblock %}"
        "{% block example_request %}{{ ask('a') }}{% endblock %}{% block example_answer %}b{% endblock %}",
    )
    told = [(turn.role, turn.content) for turn in turns(path, code="c")]
    assert told == [("system", "Be good."), ("user", "Ask a"), ("assistant", "b"), ("user", "Ask c")]
    assert [turn.role for turn in turns(path, example=False, code="c")] == ["system", "user"]


def test_a_template_without_blocks_is_one_turn(tmp_path):
    (turn,) = turns(write(tmp_path / "p.jinja", "Do {{ code }}\n"), code="it")
    assert (turn.role, turn.content) == ("user", "Do it")


def test_code_is_never_taken_for_template(tmp_path):
    code = "{{ evil }} {% block system %} {code} {language} </s> {# #}"
    assert (
        turns(write(tmp_path / "p.jinja", "{% block request %}{{ code }}{% endblock %}"), code=code)[0].content == code
    )
    assert turns(write(tmp_path / "p.txt", "a {code} b"), code=code, language="x")[0].content == f"a {code} b"


def test_a_plain_file_keeps_its_other_braces(tmp_path):
    path = write(tmp_path / "published.txt", "Use {code} as in f'{x}' {}\n")
    assert render(path, code="C", language="L") == "Use C as in f'{x}' {}\n"


def test_changes_of_a_file_are_seen(tmp_path):
    path = write(tmp_path / "p.jinja", "one")
    assert render(path) == "one"
    write(tmp_path / "p.jinja", "two")
    assert render(path) == "two"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("oss-instrukt", "did you mean 'oss-instruct'?"),
        ("zzz", "packaged are: "),
        ("somewhere/else.jinja", "neither as a file nor packaged"),
    ],
)
def test_a_missing_template(name, message):
    with pytest.raises(RecipeError) as caught:
        render(name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ cod }}", "'cod' is undefined"),
        ("ok\n{% if %}", ":2"),
        ("{% block request %}{{ x.y.z }}{% endblock %}", "'x' is undefined"),
        ("{{ ().__class__.__base__.__subclasses__() }}", "unsafe"),
    ],
)
def test_a_wrong_template(tmp_path, text, message):
    path = write(tmp_path / "wrong.jinja", text)
    with pytest.raises(RecipeError) as caught:
        turns(path, code="x")
    assert "wrong.jinja" in str(caught.value)
    assert message in str(caught.value)


def test_a_template_that_is_no_text(tmp_path):
    (tmp_path / "p.jinja").write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match=r"p\.jinja"):
        render(str(tmp_path / "p.jinja"))
