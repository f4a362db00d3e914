"""Templates: packaged or by path, in turns or whole, and one clear line for each way to get them wrong."""

from __future__ import annotations

import hashlib

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


PASTED = {
    "alone": ("a {{ code }} b {{ code }}", True),
    "in a macro": ("{% macro ask(x, y) %}{{ x }}{% endmacro %}{{ ask(code, 1) }}", True),
    "in a macro of a macro": (
        "{% macro a(x) %}<{{ x }}>{% endmacro %}{% macro b(y) %}{{ a(y) }}{% endmacro %}{{ b(code) }}",
        True,
    ),
    "in a branch": ("{% if language == 'python' %}{{ code }}{% endif %}!", True),
    "filtered": ("{{ code | upper }}", False),
    "tested": ("{% if code %}{{ code }}{% endif %}", False),
    "measured": ("{{ code | length }}", False),
    "tested in a macro": ("{% macro a(x) %}{% if 'e' in x %}E{% endif %}{{ x }}{% endmacro %}{{ a(code) }}", False),
    "tested two macros down": (
        "{% macro a(x) %}{{ x | length }}{% endmacro %}{% macro b(y) %}{{ a(y) }}{% endmacro %}{{ b(code) }}",
        False,
    ),
    "a macro's result filtered": ("{% macro a(x) %}{{ x }}{% endmacro %}{{ a(code) | upper }}", False),
    "given by name": ("{% macro a(x) %}{{ x }}{% endmacro %}{{ a(x=code) }}", False),
    "set": ("{% set n = code | length %}{{ n }}", False),
    "set again": ("{% for code in [1, 2] %}{{ code }}{% endfor %}", False),
    "in a filter block": ("{% filter upper %}{{ code }}{% endfilter %}", False),
    "in a set block": ("{% set x %}{{ code }}{% endset %}{{ x | length }}", False),
}


@pytest.mark.parametrize(("text", "only_pasted"), PASTED.values(), ids=PASTED.keys())
def test_a_value_is_pasted_only_where_that_is_the_same(tmp_path, text, only_pasted):
    made = prompts.template(write(tmp_path / "p.jinja", text))
    assert ("code" in made._pasted) == only_pasted
    for language in ("python", "rust", "python"):
        for code in ("one\ntwo", "", "{{ x }}\0code\0", "e" * 9):
            (turn,) = made.turns(code=code, language=language)
            assert turn.content == made.render(code=code, language=language)


def test_values_that_a_template_looks_into_are_told_apart(tmp_path):
    made = prompts.template(write(tmp_path / "p.jinja", "{{ n | string }} {{ rows | length }}"))
    for number, rows in ((1, [1]), (True, [1, 2]), (1.0, []), (1, [1])):
        (turn,) = made.turns(n=number, rows=rows)
        assert turn.content == f"{number} {len(rows)}"


def test_a_value_that_was_given_once_is_still_asked_for(tmp_path):
    made = prompts.template(write(tmp_path / "p.jinja", "{{ code }}"))
    assert made.turns(code="x")[0].content == "x"
    with pytest.raises(RecipeError, match="'code' is undefined"):
        made.turns()


def test_a_template_knows_its_hash(tmp_path):
    path = write(tmp_path / "p.txt", "Use {code}")
    assert prompts.template(path).sha256 == hashlib.sha256(b"Use {code}").hexdigest()


def test_relative_names_are_looked_for_where_the_program_is(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "p.jinja", name)
        monkeypatch.chdir(tmp_path / name)
        assert render("p.jinja") == name
    (tmp_path / "b" / "p.jinja").unlink()
    with pytest.raises(RecipeError, match="no prompt template"):
        render("p.jinja")
