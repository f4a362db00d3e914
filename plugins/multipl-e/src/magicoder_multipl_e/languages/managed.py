"""Languages that a virtual machine runs: Java, Scala, Clojure, C#; and TypeScript, which becomes JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from magicoder_multipl_e.languages.looking import first, said
from magicoder_multipl_e.languages.model import (
    MEGABYTE,
    Files,
    Kit,
    Language,
    Library,
    Marks,
    Packages,
    Step,
    Tool,
    main,
)
from magicoder_multipl_e.languages.scripts import JAVASCRIPT, NODE

JVM = ("-XX:+UseG1GC", "-XX:ParallelGCThreads=1", "-XX:-UsePerfData", "-Xms32m", "-Xmx1g")
"""How a virtual machine is started for one program: with the collector that the JDK's own archive of classes is made for,
which saves a third of the start that another (or whatever a small machine chooses) would take."""

_JAVA = Tool(
    names=("java",),
    packages=Packages(debian="default-jre-headless", brew="openjdk", conda="openjdk"),
    asks=("-version",),
    pattern=r'version "(\d+(?:\.\d+)*)',
    least=(11,),
)
_JAVAC = Tool(
    names=("javac",),
    packages=Packages(debian="default-jdk-headless", brew="openjdk", conda="openjdk"),
    asks=("-version",),
    pattern=r"javac (\d+(?:\.\d+)*)",
    least=(11,),
)
_ETC = tuple(f"/etc/java-{version}-openjdk" for version in range(11, 30))
_JAVA_MARKS = Marks(
    tells=r"^Exception in thread", depth=r"java\.lang\.StackOverflowError", memory=r"java\.lang\.OutOfMemoryError"
)


def _javatuples(_: Mapping[str, str]) -> str | None:
    return first(
        "/usr/share/java/javatuples.jar",
        "/usr/share/java/javatuples-*.jar",
        "~/.m2/repository/org/javatuples/javatuples/1.2/javatuples-1.2.jar",
        "/usr/multiple/javatuples-1.2.jar",
        "/usr/local/share/java/javatuples*.jar",
    )


def _java(kit: Kit, files: Files) -> tuple[Step, ...]:
    source = main(files)
    jar = kit.places["javatuples"]
    return (
        Step(
            argv=(kit.commands["javac"], "-encoding", "UTF8", "-cp", jar, "-proc:none", "-d", ".", source),
            seconds=15,
            compiles=True,
        ),
        Step(argv=(kit.commands["java"], *JVM, "-ea", "-cp", f".:{jar}", "Problem"), seconds=15),
    )


JAVA = Language(
    key="java",
    spoken="Java",
    tools=(_JAVA, _JAVAC),
    libraries=(
        Library(
            name="javatuples",
            packages=Packages(
                debian="libjavatuples-java",
                other="or javatuples-1.2.jar from Maven Central in ~/.m2 or /usr/local/share/java",
            ),
            look=_javatuples,
        ),
    ),
    steps=_java,
    marks=_JAVA_MARKS,
    compiler="java",
    shows=_ETC,
    memory_bytes=2048 * MEGABYTE,
    reserves=True,
    processes=64,
)


def scala_jars(kit: Kit) -> tuple[str, ...]:
    """The jars of Scala 2 beside its compiler; none if this is another Scala."""
    library = Path(kit.commands["scalac"]).parent.parent / "lib"
    jars = sorted(str(jar.resolve()) for jar in library.glob("*.jar"))
    return tuple(jars) if (library / "scala-compiler.jar").exists() else ()


def _scala(kit: Kit, files: Files) -> tuple[Step, ...]:
    source = main(files)
    path = (("PATH", f"{kit.commands['java'].rpartition('/')[0]}:/usr/bin:/bin"),)
    jars = scala_jars(kit)
    # What the command `scala` comes to, without its shell script and its own reading of the class path.
    direct = (kit.commands["java"], *JVM, "-cp", ":".join((".", *jars)), "Problem")
    run = direct if jars else (kit.commands["scala"], "-cp", ".", "Problem")
    return (
        Step(argv=(kit.commands["scalac"], "-d", ".", source), seconds=45, compiles=True, environment=path),
        Step(argv=run, seconds=15, environment=path),
    )


_SCALA_PACKAGES = Packages(debian="scala", brew="scala", conda="scala")
SCALA = Language(
    key="scala",
    spoken="Scala",
    tools=(
        Tool(
            names=("scalac",),
            packages=_SCALA_PACKAGES,
            asks=("-version",),
            pattern=r"(?:version|compiler) (\d+(?:\.\d+)+)",
            least=(2, 11),
        ),
        Tool(names=("scala",), packages=_SCALA_PACKAGES, asks=()),
        _JAVA,
    ),
    steps=_scala,
    marks=Marks(
        tells=r"^(Exception in thread|Caused by)", depth=_JAVA_MARKS.depth, memory=_JAVA_MARKS.memory, silent=True
    ),
    compiler="scala",
    shows=(*_ETC, "/usr/share/scala*", "/usr/share/java"),
    memory_bytes=2048 * MEGABYTE,
    reserves=True,
    processes=64,
)


def _clojure_path(commands: Mapping[str, str]) -> str | None:
    """The class path of Clojure: Debian's jars, or what its own command line resolves."""
    jars = [first(f"/usr/share/java/{name}.jar") for name in ("clojure", "spec.alpha", "core.specs.alpha")]
    if jars[0]:
        return ":".join(jar for jar in jars if jar)
    status, told = said(commands["clojure"], "-Spath")
    return told.strip() if status == 0 and ".jar" in told else None


def _clojure(kit: Kit, files: Files) -> tuple[Step, ...]:
    source = main(files)
    path = kit.places["class path"]
    run = (kit.commands["java"], *JVM, "-Dclojure.main.report=stderr", "-cp", path, "clojure.main", source)
    return (Step(argv=run, seconds=15),)


CLOJURE = Language(
    key="clj",
    spoken="Clojure",
    tools=(
        Tool(
            names=("clojure", "clj"),
            packages=Packages(debian="clojure", brew="clojure/tools/clojure", conda="clojure"),
            asks=("-e", "(clojure-version)"),
            least=(1, 10),
        ),
        _JAVA,
    ),
    libraries=(Library(name="class path", packages=Packages(debian="clojure"), look=_clojure_path),),
    steps=_clojure,
    marks=Marks(syntax="Syntax error", depth=_JAVA_MARKS.depth, memory=_JAVA_MARKS.memory, silent=True),
    shows=(*_ETC, "/usr/share/java", "~/.m2/repository/org/clojure"),
    memory_bytes=2048 * MEGABYTE,
    reserves=True,
    processes=64,
    proven=False,
)


def _csharp(kit: Kit, files: Files) -> tuple[Step, ...]:
    source = main(files)
    build = (kit.commands["csc"], "/d:DEBUG", "-r:System.Numerics.dll", source, "/out:program.exe")
    listener = (("MONO_TRACE_LISTENER", "Console.Error"),)
    return (
        Step(argv=build, seconds=15, compiles=True),
        Step(argv=(kit.commands["mono"], "program.exe"), seconds=5, environment=listener),
    )


def _csharp_doubt(kit: Kit) -> str:
    if "mcs" not in Path(kit.commands["csc"]).name:
        return ""
    return (
        "mcs compiles no local functions, `when` patterns or `default` literals of C# 7 and nothing of C# 8 and later, so that "
        "right answers with them are compile errors; csc does: brew install mono | conda install -c conda-forge mono | or "
        "mono-roslyn of https://www.mono-project.com (Debian 12 has none)"
    )


CSHARP = Language(
    key="cs",
    spoken="C#",
    tools=(
        Tool(
            names=("csc", "mcs"),
            packages=Packages(debian="mono-mcs", brew="mono", conda="mono"),
            asks=("--version",),
            least=(3,),
        ),
        Tool(names=("mono",), packages=Packages(debian="mono-runtime", brew="mono", conda="mono"), least=(5,)),
    ),
    steps=_csharp,
    marks=Marks(
        refused=r"System\.Diagnostics\.DefaultTraceListener\.Fail|Unhandled Exception",
        refused_in=("stderr",),
        depth=r"StackOverflowException|Stack overflow",
        memory="OutOfMemoryException|Out of memory",
    ),
    polled=False,
    doubt=_csharp_doubt,
    shows=("/etc/mono", "/usr/share/mono", "/etc/alternatives"),
    memory_bytes=1536 * MEGABYTE,
    reserves=True,
    processes=64,
)


def typescript_folder(kit: Kit) -> str:
    """The package whose compiler can be called from JavaScript; empty if ``tsc`` is of another kind."""
    folder = Path(kit.commands["tsc"]).parent.parent
    return str(folder) if (folder / "lib" / "typescript.js").is_file() else ""


def _typescript(kit: Kit, files: Files) -> tuple[Step, ...]:
    source = main(files)
    node, tsc = kit.commands["node"], kit.commands["tsc"]
    script = (node, tsc) if _is_script(tsc) else (tsc,)
    return (
        Step(argv=(*script, "--target", "esnext", source), seconds=15, compiles=True),
        Step(argv=(node, f"{source.removesuffix('.ts')}.js"), seconds=15),
    )


def _is_script(path: str) -> bool:
    with Path(path).open("rb") as file:
        return file.read(2) == b"#!"


TYPESCRIPT = Language(
    key="ts",
    spoken="TypeScript",
    tools=(
        Tool(
            names=("tsc",),
            packages=Packages(debian="node-typescript", brew="typescript", conda="typescript", npm="typescript"),
            least=(4,),
        ),
        NODE,
    ),
    steps=_typescript,
    marks=JAVASCRIPT.marks,
    compiler="typescript",
    shows=JAVASCRIPT.shows,
    memory_bytes=1536 * MEGABYTE,
    reserves=True,
    processes=64,
)

ALL = (JAVA, SCALA, CLOJURE, CSHARP, TYPESCRIPT)
