"""Answers that forge their verdict: what passes by the official rule, and does not by ours."""

import pytest
from ds1000_problems import OWN, PYTHON
from magicoder_ds1000 import Ds1000

from magicoder_core import sandbox


@pytest.fixture(scope="module", autouse=True)
def kept():
    """Boxes stand by from one test to the next, as they do in a scoring."""
    with sandbox.standby():
        yield


def benchmark(**options):
    return Ds1000(data=OWN, interpreter=PYTHON, libraries=("Numpy",), seconds=5, **options)


CHEATS = {
    "changes its tests": "import sys\nsys._getframe(1).f_globals['exec_test'] = lambda *a: 1\nresult = 0",
    "changes its tests and back": """\
import sys
tests = sys._getframe(1).f_globals
old = tests["exec_test"]
def new(*_):
    tests["exec_test"] = old
    return 1
tests["exec_test"] = new
result = 0""",
    "changes the code of its tests": """\
import sys
sys._getframe(1).f_globals["exec_test"].__code__ = (lambda r, a: 1).__code__
result = 0""",
    "reads what is expected": "import sys\nresult = sys._getframe(1).f_locals['expected_result']",
    "looks for what is expected": """\
import sys
frame, result = sys._getframe(), None
while frame:
    result = frame.f_locals.get("expected_result", result)
    frame = frame.f_back""",
    "follows the tests": """\
import sys
def follow(frame, event, _):
    if event == "call" and frame.f_code.co_name == "exec_test":
        import numpy.testing
        numpy.testing.assert_array_equal = lambda *a: None
    return None
sys.settrace(follow)
result = 0""",
    "changes what they compare with": "import numpy.testing\nnumpy.testing.assert_array_equal = lambda *a, **k: None\nresult = 0",
    "changes it further in": """\
import numpy.testing._private.utils as inner
inner.assert_array_equal.__globals__["assert_array_compare"] = lambda *a, **k: None
result = 0""",
    "puts another module there": """\
import numpy as np
np.testing = type("T", (), {"assert_array_equal": staticmethod(lambda *a: None)})
result = 0""",
}
"""Wrong answers that pass by the official rule."""

NAMED = {
    "changes what they compare with": "changed assert_array_equal, which judges it",
    "changes it further in": "changed assert_array_compare, which judges it",
    "puts another module there": "changed testing, which judges it",
}

TOLD = {
    "Python's own": (
        "import builtins\nbuiltins.AssertionError = type('A', (Exception,), {})\nresult = a[::2, ::-1]",
        "changed AssertionError, which judges it",
    ),
    "a class that equals all": (
        "class Same:\n    def __eq__(self, other): return True\nresult = Same()",
        "made a class Same, which says itself what it equals",
    ),
    "an array that equals all": (
        (
            "import numpy as np\nclass Same(np.ndarray):\n    def __array_function__(self, *a, **k): return True\n"
            "result = np.zeros(1).view(Same)"
        ),
        "made a class Same, which says itself what it equals",
    ),
    "objects of its tests": (
        "import gc\nresult = gc.get_objects()[0]",
        "called gc.get_objects, by which it could find its tests",
    ),
    "frames of its tests": (
        "import sys\nresult = [f.f_back for f in sys._current_frames().values()]",
        "called sys._current_frames, by which it could find its tests",
    ),
}


@pytest.mark.parametrize("what", CHEATS)
def test_a_cheat_that_passes_by_the_official_rule_does_not_by_ours(what, has, judged):
    """That the official semantics have no guard is how their scores are reproduced; and it shows that the cheats work."""
    has("Numpy")
    (ours,) = judged(benchmark(), "Numpy/0", CHEATS[what])
    assert ours.status == "fail"
    assert NAMED.get(what, "") in ours.detail
    (official,) = judged(benchmark(semantics="ds1000"), "Numpy/0", CHEATS[what])
    assert official.status == "pass", official.detail


@pytest.mark.parametrize("what", TOLD)
def test_an_answer_that_forges_or_looks_for_its_verdict_is_told_so(what, has, judged):
    has("Numpy")
    answer, told = TOLD[what]
    (verdict,) = judged(benchmark(), "Numpy/0", answer)
    assert (verdict.status, verdict.detail.removeprefix("the answer ").partition(" (")[0]) == ("fail", told)
