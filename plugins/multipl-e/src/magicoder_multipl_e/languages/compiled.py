"""Languages that are compiled to a program of the machine: C++, Rust, Go, D, Swift, Ada."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from magicoder_multipl_e import caches
from magicoder_multipl_e.languages import headers
from magicoder_multipl_e.languages.looking import said
from magicoder_multipl_e.languages.model import MEGABYTE, Files, Kit, Language, Marks, Packages, Step, Tool, main

_GCC = Tool(names=("cc", "gcc", "clang"), packages=Packages(debian="gcc", brew="gcc", conda="gcc"))
_OUT = "program"
_ALLOCATION = r"std::bad_alloc|memory allocation of \d+ bytes failed|out of memory"


def _linked(kit: Kit) -> tuple[str, ...]:
    linker = kit.places.get("linker")
    return (f"-fuse-ld={linker}",) if linker else ()


def _cpp(kit: Kit, files: Files) -> tuple[Step, ...]:
    source, text = next(iter(files.items()))
    ready = headers.given(kit.places.get("header"), text)
    compiler = (kit.commands["g++"], source, "-o", _OUT, *headers.CPP, *ready, *_linked(kit))
    return (Step(argv=compiler, seconds=15, compiles=True), Step(argv=(f"./{_OUT}",), seconds=15))


CPP = Language(
    key="cpp",
    spoken="C++",
    tools=(
        Tool(
            names=("g++", "c++"),
            packages=Packages(debian="g++", brew="gcc", conda="gxx"),
            asks=("-dumpfullversion", "-dumpversion"),
            least=(8,),
        ),
    ),
    steps=_cpp,
    makes=caches.with_header,
    marks=Marks(
        assertion=r"Assertion .* failed|terminate called after throwing|terminate called without an active exception",
        memory=_ALLOCATION,
    ),
    shows=("/usr/include", "/usr/local/include", "/usr/libexec", "/etc/alternatives"),
)


def _with_library(kit: Kit) -> Kit:
    """The kit with the folder of Rust's shared library, under the place ``library``; and with a linker.

    To link the library's code into each program takes longer than all the rest of a compilation. mold takes less
    time only to whoever does not see the process that it leaves behind.
    """
    kit = caches.with_linker(kit, "lld", "mold")
    status, told = said(kit.commands["rustc"], "--print", "target-libdir")
    folder = Path(told.strip())
    shared = status == 0 and any(folder.glob("libstd-*.so"))
    return replace(kit, places={**kit.places, **({"library": str(folder)} if shared else {})})


def _rust(kit: Kit, files: Files) -> tuple[Step, ...]:
    library = kit.places.get("library")
    fast = ("-Copt-level=0", "-Cdebuginfo=0", *(("-Cprefer-dynamic",) if library else ()))
    link = tuple(f"-Clink-arg={part}" for part in _linked(kit))
    compiler = (kit.commands["rustc"], main(files), "-o", _OUT, *fast, *link)
    found = (("LD_LIBRARY_PATH", library),) if library else ()
    return (
        Step(argv=compiler, seconds=15, compiles=True),
        Step(argv=(f"./{_OUT}",), seconds=5, environment=found),
    )


RUST = Language(
    key="rs",
    spoken="Rust",
    tools=(
        Tool(
            names=("rustc",),
            packages=Packages(debian="rustc", brew="rust", conda="rust", other="or https://rustup.rs"),
            least=(1, 56),
        ),
        _GCC,
    ),
    steps=_rust,
    makes=_with_library,
    marks=Marks(tells=r"panicked at .*:\n(.*)", depth="has overflowed its stack", memory=_ALLOCATION),
    shows=("/usr/lib/rustlib", "/etc/alternatives"),
    memory_bytes=1536 * MEGABYTE,
    polled=False,
    reserves=True,
    processes=64,
)


def _go(kit: Kit, files: Files) -> tuple[Step, ...]:
    """``go test`` in two: all that it does (vet, too) but to run the tests; then that, as it would.

    It links without tables for a debugger, too, where it does not keep the program.
    """
    environment = caches.go_environment(kit.places["cache"])
    build = (kit.commands["go"], "test", "-count=1", "-exec", "/bin/true", "-ldflags=-s -w", "-o", _OUT, *files)
    run = (f"./{_OUT}", "-test.paniconexit0", "-test.timeout=10m0s")
    return (
        Step(argv=build, seconds=30, compiles=True, environment=environment),
        Step(argv=run, seconds=30),
    )


GO = Language(
    key="go",
    spoken="Go",
    tools=(
        Tool(
            names=("go",),
            packages=Packages(debian="golang-go", brew="go", conda="go"),
            asks=("version",),
            pattern=r"go(\d+(?:\.\d+)+)",
            least=(1, 18),
        ),
    ),
    steps=_go,
    makes=caches.with_go_cache,
    marks=Marks(
        tells=r"(expected '|^panic: )",
        depth=r"goroutine stack exceeds|stack overflow",
        memory="out of memory",
    ),
    polled=False,
    shows=("/usr/share/go-[0-9]*", "/usr/include"),
    memory_bytes=2048 * MEGABYTE,
    reserves=True,
    processes=64,
)


def _d(kit: Kit, files: Files) -> tuple[Step, ...]:
    source = main(files)
    compiler = kit.commands["ldc2"]
    name = compiler.rpartition("/")[2]
    options = ("-funittest", "-o", _OUT) if "gdc" in name else ("-unittest", f"-of={_OUT}")
    linker = kit.places.get("linker")
    fast = (f"--linker={linker}",) if linker and name.startswith("ldc") else ()
    return (
        Step(argv=(compiler, *options, *fast, source), seconds=15, compiles=True),
        Step(argv=(f"./{_OUT}",), seconds=15),
    )


D = Language(
    key="d",
    spoken="D",
    tools=(
        Tool(names=("ldc2", "dmd", "gdc"), packages=Packages(debian="ldc", brew="ldc", conda="ldc"), least=(1,)),
        _GCC,
    ),
    steps=_d,
    makes=lambda kit: caches.with_linker(kit, "lld", "mold"),
    marks=Marks(
        tells=r"(core\.exception|\w+(Error|Exception)@)",
        memory="Memory allocation failed|OutOfMemoryError",
        depth="StackOverflow",
    ),
    shows=("/etc/ldc2.conf", "/etc/dmd.conf", "/usr/include/d", "/usr/include/dmd", "/etc/alternatives"),
    reserves=True,
)


def _swift(kit: Kit, files: Files) -> tuple[Step, ...]:
    source = main(files)
    return (
        Step(argv=(kit.commands["swiftc"], source, "-o", _OUT), seconds=45, compiles=True),
        Step(argv=(f"./{_OUT}",), seconds=5),
    )


SWIFT = Language(
    key="swift",
    spoken="Swift",
    tools=(
        Tool(
            names=("swiftc",),
            packages=Packages(brew="swift", other="or https://www.swift.org/install (Debian 12 has none)"),
            pattern=r"Swift version (\d+(?:\.\d+)+)",
            least=(5, 4),
        ),
    ),
    steps=_swift,
    marks=Marks(assertion=r"Assertion failed|Fatal error|Precondition failed", memory="out of memory"),
    shows=("/usr/include", "/usr/share/swift", "/usr/libexec/swift", "/etc/alternatives"),
    memory_bytes=2048 * MEGABYTE,
    reserves=True,
    processes=64,
    proven=False,
)


def _ada(kit: Kit, files: Files) -> tuple[Step, ...]:
    source = main(files)
    make = (
        kit.commands["gnatmake"],
        "-gnatW8",
        "main.adb",
        "-o",
        "main",
        "-g",
        "-j1",
        "-gnata",
        "-gnateE",
        "-bargs",
        "-Es",
    )
    return (
        Step(argv=(kit.commands["gnatchop"], "-w", source, "."), seconds=15, compiles=True),
        Step(argv=make, seconds=15, compiles=True),
        Step(argv=("./main",), seconds=15),
    )


ADA = Language(
    key="adb",
    spoken="Ada",
    tools=(
        Tool(
            names=("gnatmake",),
            packages=Packages(debian="gnat", conda="gnat"),
            pattern=r"GNATMAKE (\d+(?:\.\d+)+)",
            least=(9,),
        ),
        Tool(names=("gnatchop",), packages=Packages(debian="gnat", conda="gnat")),
    ),
    steps=_ada,
    marks=Marks(depth="STORAGE_ERROR|stack overflow", memory="heap exhausted"),
    shows=("/usr/include", "/etc/alternatives"),
    proven=False,
)

ALL = (CPP, RUST, GO, D, SWIFT, ADA)
