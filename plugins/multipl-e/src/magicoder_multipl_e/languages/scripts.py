"""Languages whose programs are run from their source."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from magicoder_multipl_e.languages.looking import runs
from magicoder_multipl_e.languages.model import (
    MEGABYTE,
    Files,
    Kit,
    Language,
    Library,
    Marks,
    Packages,
    Step,
    Steps,
    Tool,
    main,
)

NODE = Tool(
    names=("node", "nodejs"),
    packages=Packages(debian="nodejs", brew="node", conda="nodejs"),
    least=(16,),  # `node:assert`
    itself=("-p", "process.execPath"),
)


def _run(tool: str, seconds: float, *arguments: str) -> Steps:
    """The tool on the source, and no more."""

    def steps(kit: Kit, files: Files) -> tuple[Step, ...]:
        return (Step(argv=(kit.commands[tool], *arguments, main(files)), seconds=seconds),)

    return steps


def _loads(tool: str, *arguments: str) -> Callable[[Mapping[str, str]], str | None]:
    return lambda commands: "" if runs(commands[tool], *arguments) else None


JAVASCRIPT = Language(
    key="js",
    spoken="JavaScript",
    tools=(NODE,),
    steps=_run("node", 5),
    marks=Marks(
        tells=r"^(Uncaught )?\w*(Error|Exception)\b.*",
        syntax=r"^SyntaxError: ",
        depth=r"RangeError: Maximum call stack size exceeded",
        memory=r"JavaScript heap out of memory|RangeError: (Array buffer allocation failed|Invalid array length)",
    ),
    shows=("/usr/share/nodejs", "/usr/share/node_modules", "/etc/ssl/openssl.cnf"),
    memory_bytes=1536 * MEGABYTE,
    reserves=True,
    processes=64,
    polled=False,
)

PHP = Language(
    key="php",
    spoken="PHP",
    tools=(Tool(names=("php",), packages=Packages(debian="php-cli", brew="php", conda="php"), least=(7, 4)),),
    steps=_run("php", 15),
    marks=Marks(
        tells=r"(Fatal error|Uncaught)",
        syntax=r"PHP Parse error|Parse error: ",
        depth=r"Maximum (function nesting level|call stack size)",
        memory=r"Allowed memory size of \d+ bytes exhausted|Out of memory",
        refused="PHP Parse error",
        refused_in=("stdout",),
    ),
    # Its settings stay: without them Debian's PHP has no ctype, which right programs use.
    shows=("/etc/php", "/usr/share/php", "/var/lib/php/modules"),
)

RUBY = Language(
    key="rb",
    spoken="Ruby",
    tools=(
        Tool(
            names=("ruby",),
            packages=Packages(debian="ruby", brew="ruby", conda="ruby"),
            least=(2, 7),
            itself=("-e", "puts RbConfig.ruby"),
        ),
    ),
    libraries=(
        Library(
            name="test-unit",
            packages=Packages(debian="ruby-test-unit", other="gem install test-unit"),
            look=_loads("ruby", "-e", "require 'test/unit'; Test::Unit::AutoRunner.need_auto_run = false"),
        ),
    ),
    steps=_run("ruby", 5),
    marks=Marks(
        tells=r"^(<.*> expected but was|Error: |\S+: .*\(\w+Error\))",
        syntax=r"\(SyntaxError\)|: syntax error,",
        depth=r"SystemStackError|stack level too deep",
        memory=r"NoMemoryError|failed to allocate memory",
    ),
    shows=("/usr/share/ruby", "/usr/share/rubygems-integration", "/var/lib/gems", "/usr/share/ruby-rubygems"),
    reserves=True,
    polled=False,
)

LUA = Language(
    key="lua",
    spoken="Lua",
    tools=(
        Tool(
            names=("lua", "lua5.4", "lua5.3", "luajit"),
            packages=Packages(debian="lua5.4", brew="lua", conda="lua"),
            asks=("-v",),
            least=(5, 1),
        ),
    ),
    libraries=(
        Library(
            name="luaunit",
            packages=Packages(debian="lua-unit", other="luarocks install luaunit"),
            look=_loads("lua", "-e", "require('luaunit')"),
        ),
    ),
    steps=_run("lua", 15),
    marks=Marks(
        tells=r"(expected: |\w+\.lua:\d+: )",
        syntax=r"lua[^:\n]*: [^:\n]+:\d+: .*(near|expected|unfinished)",
        depth="stack overflow",
        memory="not enough memory",
    ),
    shows=("/usr/share/lua",),
)

PERL = Language(
    key="pl",
    spoken="Perl",
    tools=(
        Tool(
            names=("perl",),
            packages=Packages(debian="perl", brew="perl", conda="perl"),
            pattern=r"v(\d+(?:\.\d+)+)",
            least=(5, 20),
        ),
    ),
    libraries=(
        Library(
            name="Test::Deep",
            packages=Packages(debian="libtest-deep-perl", other="cpan Test::Deep"),
            look=_loads("perl", "-MTest::Deep", "-e", "1"),
        ),
    ),
    steps=_run("perl", 15),
    marks=Marks(
        syntax=r"syntax error at|aborted due to compilation errors|Can't find string terminator",
        memory=r"Out of memory",
        refused="ERROR",
    ),
    shows=(
        "/usr/share/perl",
        "/usr/share/perl5",
        "/etc/perl",
        "/usr/local/share/perl",
        "/usr/local/lib/x86_64-linux-gnu/perl",
    ),
)

R = Language(
    key="r",
    spoken="R",
    tools=(Tool(names=("Rscript",), packages=Packages(debian="r-base-core", brew="r", conda="r-base"), least=(3, 6)),),
    steps=_run("Rscript", 5),
    marks=Marks(
        tells=r"^Error",
        syntax=r"unexpected (symbol|string|numeric|end of input|'|assignment|input|INCOMPLETE)",
        depth=r"evaluation nested too deeply|C stack usage|node stack overflow",
        memory=r"cannot allocate vector of size|memory exhausted",
    ),
    shows=("/usr/share/R", "/etc/R", "/usr/local/lib/R", "/etc/alternatives"),
    reserves=True,
    polled=False,
)

BASH = Language(
    key="sh",
    spoken="Bash",
    tools=(Tool(names=("bash",), packages=Packages(debian="bash", brew="bash", conda="bash"), least=(4,)),),
    steps=_run("bash", 15),
    marks=Marks(
        syntax=r"syntax error",
        depth=r"maximum function nesting level",
        memory=r"cannot allocate|Cannot allocate memory",
    ),
    # awk, for one, is a name that Debian gives to one of several programs.
    shows=("/etc/alternatives",),
    processes=64,
)

PYTHON = Language(
    key="py",
    spoken="Python",
    tools=(
        Tool(
            names=("python3",),
            packages=Packages(debian="python3", brew="python", conda="python"),
            least=(3, 8),
            itself=("-c", "import sys; print(sys._base_executable)"),
        ),
    ),
    steps=_run("python3", 15),
    marks=Marks(syntax=r"^(SyntaxError|IndentationError|TabError): ", depth="RecursionError", memory=r"^MemoryError"),
    shows=("/usr/share/python3",),
)

JULIA = Language(
    key="jl",
    spoken="Julia",
    tools=(
        Tool(
            names=("julia",),
            packages=Packages(
                brew="julia", conda="julia", other="or https://julialang.org/downloads (Debian 12 has none)"
            ),
            least=(1, 6),
        ),
    ),
    steps=_run("julia", 5, "--startup-file=no", "--history-file=no"),
    marks=Marks(syntax=r"syntax: |ParseError:", depth="StackOverflowError", memory="OutOfMemoryError"),
    memory_bytes=2048 * MEGABYTE,
    reserves=True,
    processes=64,
    proven=False,
)

RACKET = Language(
    key="rkt",
    spoken="Racket",
    tools=(
        Tool(
            names=("racket",),
            packages=Packages(debian="racket", brew="racket", conda="racket"),
            pattern=r"v(\d+(?:\.\d+)+)",
            least=(7,),
        ),
    ),
    libraries=(
        Library(
            name="rackunit",
            packages=Packages(debian="racket", other="raco pkg install rackunit"),
            look=_loads("racket", "-l", "racket/base", "-l", "rackunit"),
        ),
    ),
    steps=_run("racket", 15),
    marks=Marks(tells=r"^(actual:|[\w./-]+: \S)", syntax=r"read-syntax:", memory=r"out of memory", silent=True),
    shows=("/usr/share/racket", "/etc/racket"),
    memory_bytes=1536 * MEGABYTE,
    reserves=True,
)

ELIXIR = Language(
    key="elixir",
    spoken="Elixir",
    tools=(
        Tool(
            names=("elixir",),
            packages=Packages(debian="elixir", brew="elixir", conda="elixir"),
            pattern=r"Elixir (\d+(?:\.\d+)+)",
            least=(1, 12),
        ),
    ),
    steps=_run("elixir", 5),
    marks=Marks(syntax=r"\((SyntaxError|TokenMissingError|MismatchedDelimiterError)\)", memory="eheap_alloc"),
    shows=("/usr/share/elixir",),
    memory_bytes=1536 * MEGABYTE,
    reserves=True,
    processes=64,
    proven=False,
)

OCAML = Language(
    key="ml",
    spoken="OCaml",
    tools=(
        Tool(
            names=("ocaml",),
            packages=Packages(debian="ocaml-nox", brew="ocaml", conda="ocaml"),
            asks=("-version",),
            least=(4, 8),
        ),
    ),
    steps=_run("ocaml", 15),
    marks=Marks(
        syntax=r"Error: Syntax error|Syntax error",
        depth="Stack_overflow|Stack overflow",
        memory="Out_of_memory|Out of memory",
    ),
    shows=("/usr/share/ocaml",),
    proven=False,
)

HASKELL = Language(
    key="hs",
    spoken="Haskell",
    tools=(
        Tool(names=("runghc", "runhaskell"), packages=Packages(debian="ghc", brew="ghc", conda="ghc"), least=(8, 6)),
    ),
    steps=_run("runghc", 15),
    marks=Marks(
        syntax=r"error: parse error|parse error", depth="stack overflow", memory="heap overflow|heap exhausted"
    ),
    shows=("/usr/share/ghc", "/var/lib/ghc", "/usr/include"),
    memory_bytes=1536 * MEGABYTE,
    reserves=True,
    proven=False,
)


def _dart(kit: Kit, files: Files) -> tuple[Step, ...]:
    source = main(files)
    dart = kit.commands["dart"]
    return (
        Step(argv=(dart, "--disable-analytics", "analyze", "--no-fatal-warnings", source), seconds=15, compiles=True),
        Step(argv=(dart, source), seconds=15),
    )


DART = Language(
    key="dart",
    spoken="Dart",
    tools=(
        Tool(
            names=("dart",),
            packages=Packages(brew="dart", other="or https://dart.dev/get-dart (Debian 12 has none)"),
            least=(2, 17),
        ),
    ),
    steps=_dart,
    marks=Marks(depth="Stack Overflow", memory="Out of Memory|Exhausted heap space"),
    memory_bytes=2048 * MEGABYTE,
    reserves=True,
    processes=64,
    proven=False,
)

ALL = (JAVASCRIPT, PHP, RUBY, LUA, PERL, R, BASH, PYTHON, JULIA, RACKET, ELIXIR, OCAML, HASKELL, DART)
