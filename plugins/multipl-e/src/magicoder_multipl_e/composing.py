r"""Programs as they are run: code, tests, and lines that give a token back where the tests have all succeeded.

Officially a program is ``code + "\n" + tests``, and exit status 0 passes. Programs that leave early with that status
would pass, too. So a program is to take a token from descriptor `FROM` before its first test, and to give it back to
descriptor `TO`, once, after the last. In between it is in a variable of the tests' own function, so that the function under
test has nothing to give. These lines say nothing on stdout or stderr, use full names, which a program can hardly shadow,
and the last of them stand where neither an exception nor an exit leads.

Code that runs before the tests (what a script has at its top level, static initialisers) finds the token where they would.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from magicoder_core import RunError
from magicoder_multipl_e import tokens

FILES: Mapping[str, str] = {
    "adb": "main.adb",
    "clj": "program.clj",
    "cpp": "program.cpp",
    "cs": "program.cs",
    "d": "program.d",
    "dart": "program.dart",
    "elixir": "program.exs",
    "go": "program_test.go",
    "hs": "program.hs",
    "java": "Problem.java",
    "jl": "program.jl",
    "js": "program.js",
    "lua": "program.lua",
    "ml": "program.ml",
    "php": "program.php",
    "pl": "program.pl",
    "py": "program.py",
    "r": "program.r",
    "rb": "program.rb",
    "rkt": "program.rkt",
    "rs": "program.rs",
    "scala": "Problem.scala",
    "sh": "program.sh",
    "swift": "program.swift",
    "ts": "program.ts",
}
"""The name of a program's file in each language. Where there is a second one, it is in `compose`'s answer."""

_DART_LIBRARY = re.compile(r"(?:#![^\n]*\n)?(?:\s|//[^\n]*|/\*.*?\*/)*library\b[^;]*;[ \t]*\n?|#![^\n]*\n", re.DOTALL)
"""What must stand before all imports of Dart: its own name, and how it is started."""

OFFICIAL_FILES: Mapping[str, str] = {**FILES, "java": "tmp_program.java"}
"""The same without a token: Java's has, as officially, no name that a public class could have and compile."""

GO_SECOND_FILE = "token_test.go"
"""The second file of a Go program, of the same package."""

_PACKAGE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*package[ \t]+(\w+)", re.DOTALL)
"""Go's clause, which only comments may stand before."""


def official(code: str, tests: str) -> str:
    """The program as MultiPL-E judges it."""
    return f"{code}\n{tests}"


def plain(language: str, code: str, tests: str) -> Mapping[str, str]:
    """The file of the official program, without a token: by its exit status alone."""
    return {OFFICIAL_FILES[language]: official(code, tests)}


def compose(language: str, code: str, tests: str) -> Mapping[str, str]:
    """The files of a program that gives back the token after its tests.

    Args:
        language: a key of `naming.NAMES`.
        code: the program up to the tests.
        tests: as the record has them.

    Raises:
        RunError: tests that end in no way known for the language, so that there is no place for the token's lines.
    """
    program = official(code, _with_token(language, tests))
    if language == "dart":
        library = _DART_LIBRARY.match(program)
        place = library.end() if library else 0
        program = f"{program[:place]}{tokens.DART_IMPORT}{program[place:]}"
    files = {FILES[language]: program}
    if language == "go":
        package = _PACKAGE.match(code)
        # Without a clause it is no Go program, and the compiler says so.
        files[GO_SECOND_FILE] = tokens.GO_FILE.format(package=package[1] if package else "main")
    return files


def _with_token(language: str, tests: str) -> str:
    rule = _RULES.get(language)
    found = rule(tests.rstrip()) if rule else None
    if found is None:
        last = tests.rstrip().rpartition("\n")[2]
        raise RunError(
            f"multipl-e: the tests in {language} end with {last!r:.80}, which is no known form: no place for the lines that "
            "tell that all tests were run; are these MultiPL-E's tests? semantics = 'multipl-e' judges without"
        )
    return f"{found}\n"


_Rule = Callable[[str], str | None]


def _within(begin: str, take: str, end: str, give: str) -> _Rule:
    r"""The token is taken where tests begin and given where they end; both must be as named.

    Args:
        begin: a pattern of lines that the tests have once.
        take: the lines that go behind them.
        end: a pattern of how the tests end, ``\Z`` apart.
        give: the lines that go before that.
    """
    beginning, closing = re.compile(begin, re.DOTALL), re.compile(rf"(?:{end})\Z")

    def placed(tests: str) -> str | None:
        begun, closed = list(beginning.finditer(tests)), closing.search(tests)
        if closed is None or len(begun) != 1 or begun[0].end() > closed.start():
            return None
        first, last = begun[0].end(), closed.start()
        return f"{tests[:first]}{take}{tests[first:last]}\n{give}{closed[0].removeprefix(chr(10))}"

    return placed


def _cpp(tests: str) -> str | None:
    placed = _within(r"\A\}\nint main\(\) \{\n", tokens.CPP_TAKE, r"\n\}", tokens.CPP_GIVE)(tests)
    return placed and placed.replace("\n", f"\n{tokens.CPP_HEADER}", 1)


def _instead(last: str, lines: str) -> _Rule:
    """Lines in place of the last line of tests, which must be this one."""

    def placed(tests: str) -> str | None:
        return f"{tests.removesuffix(last)}{lines}" if tests.endswith(f"\n{last}") else None

    return placed


def _behind(last: str, lines: str) -> _Rule:
    """Lines behind tests whose last line is this one."""
    return _instead(last, f"{last}\n{lines}")


_MEMBER = r"\n {4}\}\s*\n\}"
"""How a method ends that is the last of its class."""

_JAVASCRIPT = _within(
    r"\nfunction test\(\) \{\n", tokens.JAVASCRIPT_TAKE, r"\n\}\s*\ntest\(\);", tokens.JAVASCRIPT_GIVE
)

_RULES: Mapping[str, _Rule] = {
    "adb": _within(r"\nprocedure Main is\n", tokens.ADA_TAKE, r"\nend Main;", tokens.ADA_GIVE),
    "clj": _instead("(run-test test-humaneval)", tokens.CLOJURE),
    "cpp": _cpp,
    "cs": _within(r"\bvoid Main\(string\[\] args\) \{\n", tokens.CSHARP_TAKE, _MEMBER, tokens.CSHARP_GIVE),
    "d": _within(r"\bunittest\s*\n\{\n", tokens.D_TAKE, r"\n\}\s*\nvoid main\(\)\s*\{\s*\}", tokens.D_GIVE),
    "dart": _within(
        r"\nvoid main\(\) \{\n",
        tokens.DART_TAKE,
        r"\n\}\s*\nvoid expect\(dynamic a, dynamic b\) \{(?s:.*)",
        tokens.DART_GIVE,
    ),
    "elixir": _within(r"\n  test [^\n]+ do\n", tokens.ELIXIR_TAKE, r"\n  end\s*\nend", tokens.ELIXIR_GIVE),
    "go": _within(r"\bfunc Test\w*\(t \*testing\.T\) \{\n", tokens.GO_TAKE, r"\n\}", tokens.GO_GIVE),
    "hs": _within(r"(?:\A|\n)main = do\n", tokens.HASKELL_TAKE, r"(?<=\n  pure \(\))", tokens.HASKELL_GIVE),
    "java": _within(r"\bvoid main\(String\[\] args\) \{\n", tokens.JAVA_TAKE, _MEMBER, tokens.JAVA_GIVE),
    "jl": _within(r"\n(?=@testset begin\n)", tokens.JULIA_TAKE, r"(?<=\nend)", tokens.JULIA_GIVE),
    "js": _JAVASCRIPT,
    "lua": _within(
        r"\nfunction test_humaneval\(\)\n",
        tokens.LUA_TAKE,
        r"\nend\s*\nos\.exit\(lu\.LuaUnit\.run\(\)\)",
        tokens.LUA_GIVE,
    ),
    "ml": _within(r"\nlet assertions =\n", tokens.OCAML_TAKE, r"(?<=\n  \(\))", tokens.OCAML_GIVE),
    "php": _within(r"\nfunction test\(\): void \{\n", tokens.PHP_TAKE, r"\n\}\s*\ntest\(\);", tokens.PHP_GIVE),
    "pl": _within(r"\nsub testhumaneval \{\n", tokens.PERL_TAKE, r"\n\}\s*\ntesthumaneval\(\);", tokens.PERL_GIVE),
    "py": _within(
        r"(?:\A|\n)def check\(candidate\):\n",
        tokens.PYTHON_TAKE,
        r"(?:\s*\ndef test_check\(\):\n[^\n]*)?\s*\n\w+\([^\n]*\)",
        tokens.PYTHON_GIVE,
    ),
    "r": _within(
        r"(?:\A|\n)test_humaneval <- function\(\) \{\n", tokens.R_TAKE, r"\n\}\s*\ntest_humaneval\(\)", tokens.R_GIVE
    ),
    "rb": _within(r"\n  def test_\w+\n", tokens.RUBY_TAKE, r"\n  end\s*\nend", tokens.RUBY_GIVE),
    "rkt": _instead("(test-humaneval)", tokens.RACKET),
    "rs": _within(r"\nfn main\(\) \{\n", tokens.RUST_TAKE, r"\n\}", tokens.RUST_GIVE),
    "scala": _within(r"\bdef main\(args: Array\[String\]\) = \{\n", tokens.SCALA_TAKE, _MEMBER, tokens.SCALA_GIVE),
    "sh": _behind("run_test", tokens.BASH),
    "swift": _within(r"\A.*?\n(?=assert\()", tokens.SWIFT_TAKE, r"(?<=\))", tokens.SWIFT_GIVE),
    "ts": _JAVASCRIPT,
}
