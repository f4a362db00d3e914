from __future__ import annotations

import inspect
import pickle

import pytest

from magicoder_core import MagicoderError, TeacherError, errors


@pytest.mark.parametrize("charged", [True, False])
def test_a_teacher_error_pickles_whole(charged):
    error = TeacherError("rate_limited", "slow down", retry_after=2.5, charged=charged)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.kind, str(copy), copy.retry_after, copy.charged) == ("rate_limited", "slow down", 2.5, charged)


def test_every_error_is_a_magicoder_error():
    classes = [item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, Exception)]
    assert len(classes) > 5
    assert all(issubclass(item, MagicoderError) for item in classes)


def test_the_tree_in_the_docstring_is_complete():
    classes = [item.__name__ for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, Exception)]
    assert [name for name in classes if f"- {name} " not in errors.__doc__] == ["MagicoderError"]
