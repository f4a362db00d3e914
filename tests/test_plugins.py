from __future__ import annotations

import pickle
import sys
import textwrap

import pytest

from magicoder_core import PluginError, RecipeError, Teacher, installed, plugins

PARROT = """
from dataclasses import dataclass
from magicoder_core import Reply, Teacher, hookimpl

@dataclass(frozen=True, kw_only=True)
class Parrot(Teacher):
    '''Repeats.'''

    async def complete(self, request):
        return Reply(text=request.messages[-1].content)

@hookimpl
def teacher():
    return {"parrot": Parrot}
"""


@pytest.fixture(autouse=True)
def catalogue_in_use():
    """Whatever a test puts into use, the next one finds what is installed."""
    yield
    plugins.use([])


@pytest.fixture
def plugin_file(tmp_path):
    def write(text, name="plugin.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution with one entry point on the path, as pip would."""
    monkeypatch.setenv(plugins.BLOCK, "")
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)

    def install(distribution, text, *, entry_point=None, module=None):
        module = module or distribution.replace("-", "_")
        monkeypatch.delitem(sys.modules, module, raising=False)
        info = site / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[magicoder]\n{entry_point or distribution} = {module}\n")
        (site / f"{module}.py").write_text(text)

    return install


def test_builtin_providers_come_through_the_same_door():
    found = plugins.load().found["seed_source", "files"]
    assert found.distribution == "magicoder-core"
    assert found.version == installed.version("magicoder-core")
    assert found.summary


def test_an_entry_point_is_found_by_its_providers_name(install):
    install("magicoder-bird", PARROT)
    found = plugins.load().find("teacher", "parrot")
    assert (found.distribution, found.version, found.summary) == ("magicoder-bird", "1.2", "Repeats.")
    assert issubclass(found.provider, Teacher)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("import no_such_module_", "ModuleNotFoundError: No module named 'no_such_module_'"),
        ("def f(:", "SyntaxError"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        (PARROT.replace("def teacher()", "def teecher()"), "no hook named 'teecher'; did you mean 'teacher'?"),
        (PARROT.replace("def teacher()", "def teacher(config)"), "config"),
        (PARROT.replace('return {"parrot": Parrot}', "return [Parrot]"), "hook teacher() must return a mapping"),
        (PARROT.replace('{"parrot": Parrot}', '{"parrot": Parrot()}'), "teacher 'parrot' is no subclass of"),
        (PARROT.replace('{"parrot": Parrot}', '{"parrot": str}'), "teacher 'parrot' is no subclass of"),
        (PARROT.replace('return {"parrot": Parrot}', "return {}[0]"), "KeyError: 0"),
    ],
)
def test_a_broken_plugin_costs_one_line(install, text, cause):
    install("magicoder-broken", text, module="broken_plugin_")
    install("magicoder-bird", PARROT)
    catalogue = plugins.load()
    (line,) = catalogue.broken
    assert line.startswith("plugin 'magicoder-broken' (magicoder-broken) does not load: ")
    assert cause in line
    assert line.endswith("; MAGICODER_BLOCK_PLUGINS=magicoder-broken leaves it out")
    assert "\n" not in line
    assert catalogue.find("teacher", "parrot").distribution == "magicoder-bird"


def test_a_broken_plugin_leaves_nothing_behind(install):
    """One good hook and one bad: half a plugin would be worse than none."""
    install("magicoder-half", PARROT + "\n@hookimpl\ndef trainer():\n    return None\n")
    catalogue = plugins.load()
    assert len(catalogue.broken) == 1
    assert ("teacher", "parrot") not in catalogue.found


def test_a_blocked_plugin_is_not_even_imported(install, monkeypatch):
    install("magicoder-broken", "raise SystemExit", module="blocked_plugin_")
    monkeypatch.setenv(plugins.BLOCK, "other, magicoder-broken")
    assert plugins.load().broken == []


def test_two_providers_of_one_name_name_both(install):
    install("magicoder-bird", PARROT)
    install("magicoder-ape", PARROT)
    with pytest.raises(PluginError) as caught:
        _ = plugins.load().found
    line = str(caught.value)
    assert "two plugins claim the teacher 'parrot'" in line
    assert "magicoder_ape (magicoder-ape)" in line
    assert "magicoder_bird (magicoder-bird)" in line
    assert plugins.BLOCK in line


def test_one_name_for_two_kinds_is_fine(plugin_file):
    text = PARROT + textwrap.dedent("""
        from magicoder_core import RowFilter

        class NoParrot(RowFilter):
            def reject(self, row):
                return None

        @hookimpl(specname="filter")
        def filters():
            return {"parrot": NoParrot}
    """)
    catalogue = plugins.load([plugin_file(text)])
    assert [item.kind for item in catalogue.named("parrot")] == ["teacher", "filter"]


def test_two_entry_points_of_one_name_keep_the_first(install):
    install("magicoder-ape", PARROT, entry_point="parrot")
    install("magicoder-bird", PARROT.replace('"parrot"', '"bird"'), entry_point="parrot")
    catalogue = plugins.load()
    (line,) = catalogue.broken
    assert "(magicoder-bird)" in line
    assert "another plugin of that name" in line
    assert catalogue.find("teacher", "parrot").distribution == "magicoder-ape"


def test_a_file_needs_no_package(plugin_file):
    path = plugin_file(PARROT, "my_parrot.py")
    assert plugins.use([path]).find("teacher", "parrot").distribution == str(path)
    parrot = plugins.find("teacher", "parrot")()
    assert pickle.loads(pickle.dumps(parrot)) == parrot
    plugins.use([])
    with pytest.raises(RecipeError):
        plugins.find("teacher", "parrot")


def test_files_are_used_beside_those_in_use(plugin_file):
    parrot, bird = plugin_file(PARROT, "parrot.py"), plugin_file(PARROT.replace('"parrot"', '"bird"'), "bird.py")
    plugins.use([parrot])
    plugins.use([bird, parrot.parent / "." / "parrot.py"])
    assert {item.name for item in plugins.catalogue().listed} >= {"parrot", "bird"}
    with pytest.raises(PluginError):
        plugins.use([parrot.parent / "none.py"])
    assert plugins.find("teacher", "bird")
    plugins.use([])
    assert ("teacher", "parrot") not in plugins.catalogue().found


def test_two_files_of_one_stem_are_two_modules(tmp_path, plugin_file):
    for name in ("parrot", "bird"):
        (tmp_path / name).mkdir()
        plugin_file(PARROT.replace('"parrot"', f'"{name}"'), f"{name}/mine.py")
    plugins.use([tmp_path / "parrot" / "mine.py", tmp_path / "bird" / "mine.py"])
    for name in ("parrot", "bird"):
        made = plugins.find("teacher", name)()
        assert pickle.loads(pickle.dumps(made)) == made


def test_an_edited_file_is_another_version(plugin_file):
    first = plugins.load([plugin_file(PARROT)]).find("teacher", "parrot").version
    again = plugins.load([plugin_file(PARROT)]).find("teacher", "parrot").version
    edited = plugins.load([plugin_file(PARROT + "# edited\n")]).find("teacher", "parrot").version
    assert first == again != edited
    assert len(first) == 12


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("import no_such_module_", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (PARROT.replace("teacher()", "teecher()"), "teecher"),
        (PARROT.replace("{", "[").replace("}", "]").replace(": Parrot]", "]"), "must return a mapping"),
    ],
)
def test_a_broken_file_is_an_error(plugin_file, text, cause):
    path = plugin_file(text)
    with pytest.raises(PluginError) as caught:
        plugins.use([path])
    assert str(caught.value).startswith(f"--plugin {path}: ")
    assert cause in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_loaded_again_is_the_same_module(plugin_file):
    path = plugin_file(PARROT)
    first, second = (plugins.load([path]).find("teacher", "parrot").provider for _ in range(2))
    assert first is second
    assert pickle.loads(pickle.dumps(first())) == second()
    plugin_file(PARROT.replace("Repeats", "Says again"))
    third = plugins.load([path]).find("teacher", "parrot").provider
    assert third is not first
    assert all(pickle.loads(pickle.dumps(one())) == one() for one in (first, third))


@pytest.mark.parametrize("name", ["missing.py", "", "notes.txt"])
def test_a_file_that_is_no_python_file_is_an_error(tmp_path, name):
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(PluginError, match="no such Python file"):
        plugins.load([tmp_path / name])


def test_a_wrong_name_is_answered_with_the_nearest():
    with pytest.raises(RecipeError, match=r"^teacher\.use: no filter named 'lenght'; did you mean 'length'\?$"):
        plugins.load().find("filter", "lenght", where="teacher.use")


def test_a_name_like_no_other_is_answered_with_all():
    with pytest.raises(RecipeError, match=r"no seed_source named 'zzz'; there are: .*files"):
        plugins.load().find("seed_source", "zzz")


def test_a_missing_provider_may_be_in_a_broken_plugin(install):
    install("magicoder-broken", "import no_such_module_", module="broken_plugin_")
    with pytest.raises(RecipeError, match="did not load: plugin 'magicoder-broken'"):
        plugins.load().find("teacher", "parrot")


def test_a_provider_is_made_of_options_as_a_recipe_would():
    from magicoder_core import provider

    assert provider("filter", "length", ["min_problem=7"]).min_problem == 7
    with pytest.raises(RecipeError, match=r"length.min_problm: no such option; did you mean 'min_problem'"):
        provider("filter", "length", ["min_problm=7"])
