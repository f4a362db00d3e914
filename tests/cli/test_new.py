from __future__ import annotations

from click.testing import CliRunner

from magicoder_core.cli.new import new


def test_it_says_what_it_wrote_and_what_is_next(tmp_path):
    result = CliRunner().invoke(new, ["seed-source", "my-source", "--to", str(tmp_path / "deep")])
    assert result.exit_code == 0, result.output
    written, _, following = result.output.partition("\n\n")
    assert all(line.startswith(str(tmp_path / "deep" / "my-source")) for line in written.splitlines())
    assert following.startswith("next: cd ")


def test_an_unknown_kind_is_wrong_usage(tmp_path):
    result = CliRunner().invoke(new, ["techer", "mine", "--to", str(tmp_path)])
    assert result.exit_code == 2
    assert "did you mean 'teacher'?" in result.output
    assert list(tmp_path.iterdir()) == []
