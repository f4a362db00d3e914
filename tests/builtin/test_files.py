"""Seed source `files`: what it reads, what it leaves out, and that nothing of this machine shows in a snippet."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from magicoder_core import RecipeError, RunError, Shard, progress
from magicoder_core.builtin.corpora import Corpus, Document
from magicoder_core.builtin.files import LARGEST, Files
from magicoder_core.builtin.listing import Listing
from magicoder_core.testing import SeedSourceContract

CODE = "import os\n\n\ndef f(x):\n    return x + 1\n"


def tree(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def drawn(*paths: object, **options: object) -> list:
    return list(Files(paths=tuple(map(str, paths)), **options).snippets(Shard(seed=1)))


def found(*paths: object, **options: object) -> list[str]:
    return sorted(snippet.origin.path for snippet in drawn(*paths, **options))


def git(folder: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


class TestStandardLibrary(SeedSourceContract):
    provider = Files(limit=50)
    first = 50


def test_standard_library_is_the_default():
    snippets = list(Files(limit=30).snippets(Shard(seed=3407)))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert len(snippets) == 30
    assert {snippet.origin.corpus for snippet in snippets} == {f"python-{version} standard library"}
    assert {snippet.origin.licence for snippet in snippets} <= {"Python-2.0.1", "PSF-2.0", "MIT"}  # tomllib says MIT
    assert {snippet.language for snippet in snippets} == {"python"}
    left_out = ("test/", "idlelib/", "site-packages/", "encodings/", "lib2to3/")
    assert not any(snippet.origin.path.startswith(left_out) for snippet in snippets)


def test_standard_library_is_hundreds_of_files():
    assert len(drawn()) > 300


def test_a_folder(tmp_path):
    root = tree(tmp_path / "mine", {"a.py": CODE, "sub/b.py": CODE, "c.rs": "fn main() {}\n", "README": "text"})
    snippets = drawn(root)
    assert sorted(snippet.origin.path for snippet in snippets) == ["a.py", "sub/b.py"]
    assert {snippet.origin.corpus for snippet in snippets} == {"mine"}
    for snippet in snippets:
        first, last = snippet.origin.lines
        assert snippet.code == "".join(CODE.splitlines(keepends=True)[first - 1 : last])
        assert snippet.origin.repository is None
        assert snippet.origin.revision is None
        assert snippet.origin.licence is None


def test_the_same_names_on_another_machine(tmp_path):
    files = {f"{n}.py": CODE for n in range(9)}
    here, there = (tree(tmp_path / place / "project", files) for place in ("here", "there"))
    assert [item.id for item in drawn(here)] == [item.id for item in drawn(there)]
    assert str(tmp_path) not in str(drawn(here))


def test_relative_paths(tmp_path, monkeypatch):
    tree(tmp_path, {"src/a.py": CODE})
    monkeypatch.chdir(tmp_path)
    assert found("src") == found("./src/") == found("src/a.py") == ["a.py"]
    monkeypatch.chdir(tmp_path / "src")
    assert [item.id for item in drawn(".")] == [item.id for item in drawn(tmp_path / "src")]


def test_hidden_and_installed_code_is_left_out(tmp_path):
    left_out = [
        ".hidden/a.py",
        "node_modules/x/a.py",
        "__pycache__/a.py",
        ".venv/lib/a.py",
        "venv/lib/a.py",
        "env/lib/a.py",
    ]
    root = tree(tmp_path, {"kept.py": CODE, "env/pyvenv.cfg": "", **dict.fromkeys(left_out, CODE)})
    assert found(root) == ["kept.py"]


def test_a_hidden_folder_that_is_asked_for_is_read(tmp_path):
    assert found(tree(tmp_path / ".cache", {"a.py": CODE})) == ["a.py"]


def test_what_cannot_be_read_is_skipped_and_counted(tmp_path):
    heard = []

    class Ear(progress.Silent):
        def say(self, line):
            heard.append(line)

    root = tree(
        tmp_path,
        {
            "good.py": CODE,
            "latin.py": "# caf\xe9\n".encode("latin-1"),
            "utf16.py": CODE.encode("utf-16"),
            "empty.py": "",
            "blank.py": "\n \n\t\n",
            "binary.py": b"x = 1\0\n",
            "huge.py": b"x = 1\n" * (LARGEST // 6 + 1),
        },
    )
    with progress.reporting(Ear()):
        assert found(root) == ["good.py"]
    assert heard == ["files: 1 snippets; skipped 6 documents: 2 binary, 2 blank, 1 not UTF-8, 1 over 1 MiB"]


def test_a_file_that_may_not_be_read_is_skipped(tmp_path, monkeypatch):
    root = tree(tmp_path, {"a.py": CODE, "b.py": CODE})
    real = Path.read_bytes

    def refuse(self):
        if self.name == "b.py":
            raise PermissionError(13, "Permission denied")
        return real(self)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert found(root) == ["a.py"]


def test_a_byte_order_mark_is_no_code(tmp_path):
    root = tree(tmp_path, {"a.py": b"\xef\xbb\xbfx = 1\n"})
    assert drawn(root)[0].code == "x = 1\n"


def test_links_are_not_followed(tmp_path):
    root = tree(tmp_path / "root", {"a.py": CODE, "sub/b.py": CODE})
    secret = tree(tmp_path / "outside", {"secret.py": "password = 1\n"})
    (root / "sub" / "loop").symlink_to(root)
    (root / "self.py").symlink_to(root / "self.py")
    (root / "dangling.py").symlink_to(root / "nothing.py")
    (root / "out.py").symlink_to(secret / "secret.py")
    (root / "outside").symlink_to(secret)
    assert found(root) == ["a.py", "sub/b.py"]


def test_devices_and_pipes_are_not_opened(tmp_path):
    root = tree(tmp_path, {"a.py": CODE, "folder.py/b.py": CODE})
    os.mkfifo(root / "pipe.py")
    assert found(root) == ["a.py", "folder.py/b.py"]


def test_a_file_named_twice_is_drawn_from_once(tmp_path):
    root = tree(tmp_path, {"a.py": CODE, "sub/b.py": CODE})
    assert found(root, root / "a.py", root / "sub", root / "*.py") == ["a.py", "sub/b.py"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.py", ["a.py"]),
        ("**/*.py", ["a.py", "one/b.py", "one/two/c.py"]),
        ("one/**/*.py", ["b.py", "two/c.py"]),
        ("one/*.py", ["b.py"]),
        ("?.py", ["a.py"]),
        ("[!b].py", ["a.py"]),
        ("o*", ["one/b.py", "one/two/c.py"]),
        ("**/t?o/*", ["one/two/c.py"]),
    ],
)
def test_globs(tmp_path, pattern, expected):
    root = tree(tmp_path, {"a.py": CODE, "one/b.py": CODE, "one/two/c.py": CODE, "node_modules/d.py": CODE})
    assert found(root / pattern) == expected


def test_a_name_with_brackets_is_a_name_first(tmp_path):
    assert found(tree(tmp_path / "a[1]", {"x.py": CODE})) == ["x.py"]


def test_git_checkout_gives_tracked_files_with_commit_and_repository(tmp_path):
    root = tree(tmp_path / "clone", {"a.py": CODE, "sub/b.py": CODE, "ignored.py": CODE, "untracked.py": CODE})
    tree(
        root,
        {
            ".gitignore": "ignored.py\n",
            "LICENSE": "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy",
        },
    )
    git(root, "init", "-q")
    git(root, "add", "a.py", "sub/b.py", ".gitignore", "LICENSE")
    git(root, "commit", "-q", "-m", "m")
    git(root, "remote", "add", "origin", "https://user:secret@example.org/team/project.git")
    snippets = drawn(root)
    assert sorted(item.origin.path for item in snippets) == ["a.py", "sub/b.py"]
    origin = snippets[0].origin
    assert origin.repository == "https://example.org/team/project"
    assert origin.revision == git(root, "rev-parse", "HEAD")
    assert origin.licence == "MIT"
    assert origin.corpus == "project"
    assert "secret" not in str(snippets)
    assert found(root / "sub") == found(root / "sub" / "b.py") == ["sub/b.py"]
    assert {item.id for item in drawn(root / "sub")} < {item.id for item in snippets}
    # A checkout below a folder that is none is still a checkout.
    assert found(tmp_path) == ["a.py", "sub/b.py"]
    assert found(tmp_path / "*" / "sub") == ["sub/b.py"]


def test_a_surrounding_git_command_does_not_mislead(tmp_path, monkeypatch):
    root = tree(tmp_path / "clone", {"a.py": CODE})
    other = tree(tmp_path / "other", {"z.py": CODE})
    for folder in (root, other):
        git(folder, "init", "-q")
        git(folder, "add", ".")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert found(root) == ["a.py"]


def test_an_untracked_folder_in_a_checkout_is_a_plain_folder(tmp_path):
    root = tree(tmp_path, {"a.py": CODE, "new/b.py": CODE})
    git(root, "init", "-q")
    git(root, "add", "a.py")
    assert found(root / "new") == found(root / "new" / "b.py") == ["b.py"]


def test_a_checkout_runs_nothing_of_its_own(tmp_path):
    root = tree(tmp_path / "clone", {"a.py": CODE})
    git(root, "init", "-q")
    git(root, "add", "a.py")
    git(root, "config", "core.fsmonitor", f"touch {tmp_path}/ran; false")
    assert found(root) == ["a.py"]
    assert not (tmp_path / "ran").exists()


def test_without_git_a_checkout_is_a_plain_folder(tmp_path, monkeypatch):
    root = tree(tmp_path, {"a.py": CODE, "untracked.py": CODE})
    git(root, "init", "-q")
    git(root, "add", "a.py")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert found(root) == ["a.py", "untracked.py"]


def test_an_installed_package():
    snippets = drawn("package:pluggy")
    assert {snippet.origin.corpus for snippet in snippets} == {"pluggy"}
    assert all(snippet.origin.path.startswith("pluggy/") for snippet in snippets)
    assert all(snippet.origin.revision for snippet in snippets)
    assert {snippet.origin.licence for snippet in snippets} == {"MIT"}


def test_a_package_by_the_name_it_is_imported_by():
    assert drawn("package:_pytest")[0].origin.corpus == "pytest"


def test_an_editable_package_is_found():
    assert "magicoder_core/seeding.py" in found("package:magicoder-core")


def test_an_spdx_tag_in_the_file_counts_most(tmp_path):
    files = {"a.py": "# SPDX-License-Identifier: MIT OR Apache-2.0\n" * 20, "LICENSE": "Apache License\nVersion 2.0"}
    root = tree(tmp_path, {**files, "b.py": CODE})
    assert {item.origin.path: item.origin.licence for item in drawn(root)} == {
        "a.py": "MIT OR Apache-2.0",
        "b.py": "Apache-2.0",
    }


def test_two_licence_files_that_disagree_tell_nothing(tmp_path):
    mit = "Permission is hereby granted, free of charge, to any person obtaining a copy"
    root = tree(tmp_path, {"a.py": CODE, "LICENSE-MIT": mit, "LICENSE-APACHE": "Apache License Version 2.0"})
    assert drawn(root)[0].origin.licence is None


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.rs", "rust"),
        ("A.CPP", "cpp"),
        ("a.cs", "csharp"),
        ("a.ts", "typescript"),
        ("a.sh", "shell"),
        ("a.php", "php"),
    ],
)
def test_languages_by_file_name(tmp_path, name, language):
    root = tree(tmp_path, {name: "code\n", "b.py": CODE})
    assert [(item.origin.path, item.language) for item in drawn(root, languages=(language,))] == [(name, language)]


def test_languages_have_aliases(tmp_path):
    root = tree(tmp_path, {"a.cpp": "code\n", "b.js": "code\n"})
    assert {item.language for item in drawn(root, languages=("C++", "js"))} == {"cpp", "javascript"}


def test_any_language(tmp_path):
    root = tree(tmp_path, {"a.zig": "code\n", "b.py": CODE, "c.HS": "code\n", "d.md": "text\n", "e.json": "{}\n"})
    found = [(item.origin.path, item.language) for item in drawn(root, languages=("any",))]
    assert sorted(found) == [("a.zig", "zig"), ("b.py", "python"), ("c.HS", "haskell")]


def test_extensions_teach_languages_and_overrule(tmp_path):
    root = tree(tmp_path, {"a.foo": "code\n", "b.m": "code\n", "c.mm": "code\n", "d.py": CODE})
    options = {"extensions": {".FOO": "Foo Lang", "m": "matlab"}}
    found = [(item.origin.path, item.language) for item in drawn(root, languages=("foo-lang", "Matlab"), **options)]
    assert sorted(found) == [("a.foo", "foo-lang"), ("b.m", "matlab")]
    found = {item.origin.path: item.language for item in drawn(root, languages=("any",), **options)}
    assert found == {"a.foo": "foo-lang", "b.m": "matlab", "c.mm": "objective-c", "d.py": "python"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"languages": ("foo",)}, r"languages: no language 'foo'; `extensions` can say which files are; there are: py"),
        ({"extensions": {"foo": "foo"}}, r"extensions.foo: 'foo' is not among .*; add it to seed_source.languages"),
        ({"extensions": {"foo": "any"}}, "extensions.foo: 'any' is no name for a language"),
        ({"extensions": {"foo": ""}}, "extensions.foo: '' is no name for a language"),
        ({"mix": {"pyton": 1}}, "seed_source.mix: no language 'pyton'; did you mean 'python'"),
        ({"mix": {"c#": 1, "csharp": 1}}, "mix: each language must be named, and once"),
        ({"mix": {"any": 1}}, "mix: each language must be named, and once"),
        ({"mix": {"rust": 1}, "languages": ("c",)}, "mix: names the languages itself"),
        ({"mix": "papre"}, "mix: no mix 'papre'; did you mean 'paper'"),
    ],
)
def test_wrong_languages(options, message):
    with pytest.raises(RecipeError, match=message):
        Files(**options)


def test_a_mix_is_exact_and_in_proportion_and_what_runs_out_is_said(tmp_path):
    root = tree(tmp_path, {f"{n}.{end}": CODE for n in range(20) for end in ("py", "rs", "cpp")} | {"x.zig": CODE})
    heard = []

    class Ear(progress.Silent):
        def say(self, line):
            heard.append(line)

    source = Files(paths=(str(root),), mix={"python": 16, "Rust": 4, "c++": 4, "zig": 4})
    with progress.reporting(Ear()):
        whole = list(source.snippets(Shard(seed=2)))
    assert Counter(item.language for item in whole) == {"python": 16, "rust": 4, "cpp": 4, "zig": 1}
    assert Counter(item.language for item in whole[:7]) == {"python": 4, "rust": 1, "cpp": 1, "zig": 1}
    assert heard == ["files: zig ran out after 1 of 4 snippets", "files: 25 snippets"]
    shards = [item.id for n in range(3) for item in source.snippets(Shard(index=n, count=3, seed=2))]
    assert sorted(shards) == sorted(item.id for item in whole)
    limited = Files(paths=(str(root),), mix={"python": 16, "rust": 4, "cpp": 4, "zig": 4}, limit=7)
    assert list(limited.snippets(Shard(seed=2))) == whole[:7]


def test_only_allowed_licences_and_what_is_unknown_is_refused(tmp_path):
    tag = "# SPDX-License-Identifier: "
    texts = {"a.py": f"{tag}MIT\n", "b.py": f"{tag}GPL-3.0-only\n", "c.py": CODE, "d.py": f"{tag}GPL-2.0 OR MIT\n"}
    heard = []

    class Ear(progress.Silent):
        def say(self, line):
            heard.append(line)

    with progress.reporting(Ear()):
        assert found(tree(tmp_path / "x", texts), licences=("mit",)) == ["a.py", "d.py"]
    assert heard == ["files: 2 snippets; skipped 2 documents: 1 licence not allowed, 1 licence unknown"]
    whole = tree(tmp_path / "y", texts | {"LICENSE": "Apache License\nVersion 2.0"})
    assert found(whole, licences=("Apache-2.0",)) == ["c.py"]


def test_a_listing_gives_back_what_it_took_in_the_seed_s_order():
    corpora = [Corpus("a", Path("/a")), Corpus("b", Path("/b"))]
    documents = [Document(corpora[n // 30], f"d\udce9\u65e5/{n}.py") for n in range(60)]
    listing, again, other = Listing(1), Listing(1), Listing(2)
    for document in documents:
        listing.add(document)
        other.add(document)
    for document in reversed(documents):
        again.add(document)
    assert sorted(listing, key=str) == sorted(documents, key=str)
    assert list(listing) == list(listing) == list(again)
    assert list(listing) != list(other)
    assert len(listing) == 60


def test_shards_are_the_whole_with_a_limit_and_unreadable_files(tmp_path):
    files = {f"d{n % 7}/{n}.py": ("" if n % 5 == 0 else CODE * n) for n in range(60)}
    source = Files(paths=(str(tree(tmp_path, files)),), limit=25)
    whole = [item.id for item in source.snippets(Shard(seed=2))]
    for count in (2, 3, 7, 100):
        shards = [[item.id for item in source.snippets(Shard(index=n, count=count, seed=2))] for n in range(count)]
        assert sorted(name for shard in shards for name in shard) == sorted(whole)
    assert len(whole) == 25


def test_a_limit_takes_a_spread_and_the_seed_chooses(tmp_path):
    root = tree(tmp_path, {f"{letter}/{n}.py": CODE for letter in "abcdefgh" for n in range(20)})
    folders = {item.origin.path[0] for item in drawn(root, limit=16)}
    assert len(folders) >= 5
    picks = [
        {item.origin.path for item in Files(paths=(str(root),), limit=16).snippets(Shard(seed=n))} for n in range(2)
    ]
    assert picks[0] != picks[1]


def test_documents_are_read_one_by_one(tmp_path, monkeypatch):
    root = tree(tmp_path, {f"{n}.py": CODE for n in range(50)})
    opened = []
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: opened.append(self) or real(self))
    next(Files(paths=(str(root),)).snippets(Shard()))
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["nowhere"], "seed_source.paths: no such file or folder: 'nowhere'"),
        (["nowhere/*.py"], "no such folder: 'nowhere'"),
        (["package:plugy"], "no installed package 'plugy'; did you mean 'package:pluggy'?"),
        (["package:zzzzzzzzzzz"], "is it installed"),
        (["package:"], "no installed package ''"),
    ],
)
def test_a_place_that_does_not_exist(tmp_path, monkeypatch, paths, message):
    monkeypatch.chdir(tmp_path)
    source = Files(paths=tuple(paths))
    for use in (source.check, lambda: next(source.snippets(Shard()))):
        with pytest.raises(RecipeError) as caught:
            use()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_second_place_that_does_not_exist(tmp_path):
    source = Files(paths=(str(tree(tmp_path, {"a.py": CODE})), "nowhere"))
    with pytest.raises(RecipeError, match="nowhere"):
        source.check()


def test_no_file_of_the_language(tmp_path):
    tree(tmp_path, {"a.rs": "x", "b.rs": "x", "c.md": "x"})
    source = Files(paths=(str(tmp_path),))
    for use in (source.check, lambda: next(source.snippets(Shard()))):
        with pytest.raises(RunError, match=r"no python file in .*; there is: 2 \.rs, 1 \.md"):
            use()
    with pytest.raises(RunError, match="no source file at all"):
        Files(paths=(str(tree(tmp_path / "new", {"LICENSE": "x"})),)).check()


def test_a_good_place_passes_the_check(tmp_path):
    Files().check()
    Files(paths=(str(tree(tmp_path, {"a.py": CODE})), "package:pluggy")).check()


def test_wrong_options():
    with pytest.raises(RecipeError, match=r"seed_source\.languages: no language 'pyton'; did you mean 'python'\?"):
        Files(languages=("pyton",))
    with pytest.raises(RecipeError, match="limit: must be at least 1"):
        Files(limit=0)
    with pytest.raises(RecipeError, match="max_lines: must be at least 1"):
        Files(max_lines=0)
