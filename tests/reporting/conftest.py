"""A folder of reports."""

from __future__ import annotations

import pytest
from reports import Desk


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path)
