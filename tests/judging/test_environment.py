"""What a verdict depends on."""

from __future__ import annotations

import json
from dataclasses import replace

from plain_benchmark import Plain

from magicoder_core.judging import environment, facts
from magicoder_core.judging.ledger import key_of


def test_facts_are_plain_and_the_same_each_time(plain, tmp_path):
    known = facts(plain())
    assert json.loads(json.dumps(known)) == known
    assert known == facts(plain(limit=2, samples=9, ks=(1, 5)))
    assert (known["isolation"], known["provenance"]["semantics"]) == ("bubblewrap", "strict")
    assert {"magicoder-core", "magicoder-plain", "python", "numpy"} == set(known["versions"])


def test_options_versions_and_data_tell_them_apart(plain, tmp_path, monkeypatch):
    keys = {key_of(facts(bound)) for bound in (plain(), plain(tasks=6), replace(plain(), version="2"))}
    for text in ("a", "b"):
        (tmp_path / "data").write_text(text)
        keys.add(key_of(facts(plain(data=tmp_path / "data"))))
    monkeypatch.setattr("magicoder_core.sandbox.required", lambda: environment.sandbox.Isolation(level="landlock"))
    keys.add(key_of(facts(plain())))
    assert len(keys) == 6


def test_the_same_data_in_another_place_are_the_same(plain, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text("data")
    assert facts(plain(data=tmp_path / "a")) == facts(plain(data=tmp_path / "b"))


def test_a_class_without_a_file_has_facts_too(plain):
    made = type("Made", (Plain,), {"__module__": "__nowhere__"})
    assert facts(replace(plain(), provider=made()))["code"] != facts(plain())["code"]
