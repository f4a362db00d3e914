"""Comments and strings are blanked out, and everything keeps its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from magicoder_multipl_e.lexing import masked
from magicoder_multipl_e.naming import NAMES

HIDDEN = {
    "cpp": ['"}\\""', "'}'", "'\\''", 'R"x(}")x"', "// }", "/* } */", "1'000'000"],
    "cs": ['@"}""}"', '$"{x:}}}"', '"""}"}"""', "'}'", "// }", "/* } */"],
    "d": ["`}`", 'r"}"', "/+ } /+ } +/ } +/", '"}\\""', "// }", "'}'"],
    "go": ["`}`", '"}\\""', "'}'", "// }", "/* } */"],
    "java": ['"""\n}"\n"""', '"}\\""', "'}'", "// }", "/* } */"],
    "jl": ["#= } #= } =# =#", '"}\\""', '"""}"}"""', "# }", "'}'"],
    "js": ["`${a(`}`)}}`", "'}'", '"}"', "= /[/}]/g", "// }", "/* } */"],
    "lua": ["--[[ } ]]", "--[==[ ]] } ]==]", "[[ } ]]", "'}'", "-- }"],
    "php": ["'}\\''", '"}"', "# }", "// }", "<<<X\n}\nX", "<<<'X'\n}\n  X"],
    "pl": ["q{a{}}", "'}'", "= m/}/", "=~ s/}/{/g", "=~ tr{}}{a}", "# }", "<<'X'\n}\nX", "\n=pod\n}\n=cut\n"],
    "r": ["'}'", '"}"', "# }", "`}`", 'r"(})"'],
    "rb": ["'}'", '"#{a("}")}}"', "= %w[ } ]", "# }", "\n=begin\n}\n=end\n", "<<~X\n}\nX", "= /}/"],
    "rkt": ['"}"', "#\\}", "; }", "#| } #| } |# |#"],
    "rs": ['"}"', "'}'", 'r#"}"}"#', "/* } /* } */ */", "// }"],
    "scala": ['"}"', '"""}"}"""', 's"${a("}")}}"', "'}'", "/* } /* } */ */", "// }"],
    "sh": ["'}'", '"$(a "}")}"', "# }", "$'}\\''", "<<X\n}\nX", "\\}"],
    "swift": ['"}"', '"\\(a("}"))}"', '"""\n}\n"""', '#"}"}"#', "/* } /* } */ */", "// }"],
    "ts": ["`${a(`}`)}}`", "'}'", "// }"],
}


@pytest.mark.parametrize(("language", "text"), [(key, text) for key, texts in HIDDEN.items() for text in texts])
def test_no_brace_is_seen_in_strings_and_comments(language, text):
    code = f"f() {{ a {text}\n }} b"
    found = masked(language, code)
    assert len(found) == len(code)
    assert found.endswith("\n } b")
    assert "}" not in found[: -len(" } b")]


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("rs", "fn f<'a>(x: &'a str) -> &'a str { x }"),
        ("pl", "my $n = $#{$a}; my %h = %{$b}; $x{s} = 1; $y{q} = $#$z;"),
        ("js", "let a = b / c; let d = e / {f: 1}.f; g(h) / 2;"),
        ("sh", "echo ${#a} $# $((1 << 2)) ${b%%c}"),
        ("rb", "x = y ? 1 : 2; z = a / b / c; w = {a: 1}"),
        ("rkt", "(define (f x) '(a b) `(c ,x))"),
        ("jl", "a' * b'; f(x) = x'"),
        ("scala", "val a = 'symbol; f(b)"),
    ],
)
def test_what_looks_like_a_string_and_is_none_stays(language, code):
    assert masked(language, code) == code


@given(st.sampled_from(sorted(NAMES)), st.text("ab \n\"'`/*#{}()[]\\-=<>$%|@~;:rRqsEO_1", max_size=60))
def test_whatever_the_text_places_and_lines_stay(language, text):
    found = masked(language, text)
    assert len(found) == len(text)
    assert [at for at, letter in enumerate(found) if letter == "\n"] == [
        at for at, letter in enumerate(text) if letter == "\n"
    ]
