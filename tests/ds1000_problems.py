"""Problems of our own in DS-1000's schema, at least two for each library, as JSONL and as the older tree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PYTHON = Path(os.environ.get("MAGICODER_DS1000_PYTHON") or sys.executable)
"""The Python under which they are judged; without the variable the one that runs the tests, with what it has."""

OWN = Path(__file__).parents[1] / "plugins" / "ds1000" / "tests" / "own.jsonl"

CODES = {
    "Numpy": "import numpy as np",
    "Pandas": "import numpy as np\nimport pandas as pd",
    "Scipy": "import numpy as np\nimport scipy\nfrom scipy import optimize, sparse",
    "Sklearn": "import numpy as np\nfrom sklearn.linear_model import LinearRegression\nfrom sklearn.preprocessing import "
    "MinMaxScaler, StandardScaler",
    "Pytorch": "import numpy as np\nimport torch",
    "Tensorflow": "import numpy as np\nimport tensorflow as tf",
    "Matplotlib": "import numpy as np\nimport matplotlib.pyplot as plt",
}
"""What each library's programs import."""


@dataclass(frozen=True, kw_only=True)
class Own:
    """A problem: what is asked, the data of each test case by name, a right answer, wrong ones, how results compare.

    ``body`` says that the answer is the body of ``f``, ``forbidden`` names a word that its text must not have.
    """

    library: str
    number: int
    text: str
    data: Sequence[Mapping[str, str]]
    right: str
    wrong: Sequence[str]
    compare: str = ""
    body: bool = False
    forbidden: str = ""

    @property
    def id(self) -> str:
        return f"{self.library}/{self.number}"

    @property
    def names(self) -> str:
        return ", ".join(self.data[0]) if self.data else ""

    def prompt(self, mode: str = "completion") -> str:
        code, first = (
            CODES[self.library],
            "\n".join(f"{name} = {value}" for name, value in (self.data or [{}])[0].items()),
        )
        if self.library == "Matplotlib":
            return f"{code}\n\n# {self.text}\n# SOLUTION START\n"
        if self.body:
            head = f"def f({self.names}):\n    # return the solution in this function\n    # result = f({self.names})\n"
            return f"Problem:\n{self.text}\n\nA:\n\n<code>\n{code}\n{first}\n{head}    ### BEGIN SOLUTION"
        gap = "" if mode == "completion" else "[insert]\n</code>\nEND SOLUTION\n<code>\nprint(result)\n</code>\n"
        asked = "" if mode == "insertion" else "result = ... # put solution in this variable\n"
        return f"Problem:\n{self.text}\n\nA:\n<code>\n{code}\n{first}\n</code>\n{asked}BEGIN SOLUTION\n<code>\n{gap}"

    @property
    def gap(self) -> str:
        """The code around the answer."""
        return f"def f({self.names}):\n[insert]\nresult = f({self.names})" if self.body else "[insert]"

    @property
    def solved(self) -> str:
        return self.gap.replace("[insert]", self.right)

    def record(self, row: int) -> dict[str, Any]:
        """As a record of the JSONL."""
        facts = {
            "problem_id": row,
            "library_problem_id": self.number,
            "library": self.library,
            "test_case_cnt": max(1, len(self.data)),
            "perturbation_type": "Origin",
            "perturbation_origin_id": self.number,
        }
        context = self._plotted() if self.library == "Matplotlib" else self._computed()
        return {"prompt": self.prompt(), "reference_code": self.right, "metadata": facts, "code_context": context}

    def _computed(self) -> str:
        cases = "".join(
            f"        if test_case_id == {number}:\n            return ({', '.join(case.values())},)\n"
            for number, case in enumerate(self.data, 1)
        )
        looks = (
            f"\n\ndef test_string(solution):\n    assert {self.forbidden!r} not in solution.split()\n"
            if self.forbidden
            else ""
        )
        return f'''\
{CODES[self.library]}
import copy


def generate_test_case(test_case_id):
    def define_test_input(test_case_id):
{cases}
    def generate_ans(data):
        ({self.names},) = data
{textwrap.indent(self.solved, "        ")}
        return result

    test_input = define_test_input(test_case_id)
    return test_input, generate_ans(copy.deepcopy(test_input))


def exec_test(result, ans):
{textwrap.indent(self.compare, "    ")}
    return 1


exec_context = r"""
{CODES[self.library]}
({self.names},) = test_input
{self.gap}
"""


def test_execution(solution):
    code = exec_context.replace("[insert]", solution)
    for i in range({len(self.data)}):
        test_input, expected_result = generate_test_case(i + 1)
        test_env = {{"test_input": test_input}}
        exec(code, test_env)
        assert exec_test(test_env["result"], expected_result)
{looks}'''

    def _plotted(self) -> str:
        return f'''\
{CODES[self.library]}
from PIL import Image


def generate_test_case(test_case_id):
{textwrap.indent(self.right, "    ")}
    plt.savefig("ans.png", bbox_inches="tight")
    plt.close()
    return None, None


def exec_test(result, ans):
    code_img = np.array(Image.open("output.png"))
    oracle_img = np.array(Image.open("ans.png"))
    assert code_img.shape == oracle_img.shape and np.allclose(code_img, oracle_img)
    return 1


exec_context = r"""
{CODES[self.library]}
[insert]
plt.savefig('output.png', bbox_inches='tight')
result = None
"""


def test_execution(solution):
    kept = [line for line in solution.split("\\n") if "plt.show()" not in line]
    code = exec_context.replace("[insert]", "\\n".join(kept))
    for i in range(1):
        test_input, expected_result = generate_test_case(i + 1)
        test_env = {{"test_input": test_input}}
        exec(code, test_env)
        assert exec_test(test_env["result"], expected_result)
'''

    def files(self, mode: str) -> dict[str, str]:
        """The texts of its folder in the older tree."""
        kind = 3 if self.forbidden else 1
        config = (
            f"[library]\nlib = {self.library}\n[test]\ntest_type = {kind}\ntest_case_cnt = {len(self.data)}\n"
            "[perturbation]\nperturbation_type = Origin\nperturbation_origin_id = 0\n"
        )
        plots = self.library == "Matplotlib"
        return {
            ".cfg": config,
            "prompt.txt": self.prompt(mode),
            "reference_code.txt": self.right,
            "code_context.txt": self._plotting() if plots else self._program(),
            "test_code.py": self._plot_test() if plots else self._test(),
            "test_generate_pickle.py": "# ours are made elsewhere\n",
        }

    def _program(self) -> str:
        return f"""\
{CODES[self.library]}
import argparse
import pickle

parser = argparse.ArgumentParser()
parser.add_argument("--test_case", type=int, default=1)
args = parser.parse_args()
({self.names},) = pickle.load(open(f"input/input{{args.test_case}}.pkl", "rb"))
{self.gap}
with open("result/result_{{}}.pkl".format(args.test_case), "wb") as f:
    pickle.dump(result, f)
"""

    def _test(self) -> str:
        looks = (
            f"\n\ndef stringTest(solution):\n    return {self.forbidden!r} not in solution.split()\n"
            if self.forbidden
            else ""
        )
        return f"""\
{CODES[self.library]}


def test(result, ans):
    try:
{textwrap.indent(self.compare, "        ")}
        return 1
    except AssertionError:
        return 0
{looks}"""

    def _plotting(self) -> str:
        return f"""\
{CODES[self.library]}
import pickle
[insert]
plt.savefig("output.png", bbox_inches="tight")
with open("result/result_1.pkl", "wb") as f:
    pickle.dump("plotted", f)
"""

    def _plot_test(self) -> str:
        return """\
import numpy as np
from PIL import Image


def test(result, ans):
    code_img = np.array(Image.open("output.png"))
    oracle_img = np.array(Image.open("ans/oracle_plot.png"))
    return int(code_img.shape == oracle_img.shape and np.allclose(code_img, oracle_img))
"""

    def maker(self) -> str:
        """A program that writes the input and the answer of each case; run where the libraries are."""
        if self.library == "Matplotlib":
            saved = 'plt.savefig("ans/oracle_plot.png", bbox_inches="tight")'
            return f"import os\nos.makedirs('ans', exist_ok=True)\n{CODES[self.library]}\n{self.right}\n{saved}\nplt.close()\n"
        lines = [
            f"import os, pickle, copy\nfor name in ('input', 'ans'): os.makedirs(name, exist_ok=True)\n{CODES[self.library]}"
        ]
        for number, case in enumerate(self.data, 1):
            lines += [
                f"given = ({', '.join(case.values())},)",
                f"pickle.dump(given, open('input/input{number}.pkl', 'wb'))",
                f"({self.names},) = copy.deepcopy(given)",
                self.solved,
                f"pickle.dump(result, open('ans/ans{number}.pkl', 'wb'))",
            ]
        return "\n".join(lines) + "\n"


_CLOSE = "np.testing.assert_allclose(np.asarray(result), np.asarray(ans))"

PROBLEMS: Sequence[Own] = (
    Own(
        library="Pandas",
        number=0,
        text="For each shelf of my larder I want the heaviest jar.",
        data=[
            {"df": 'pd.DataFrame({"shelf": ["a", "b", "a", "b"], "grams": [3, 9, 7, 2]})'},
            {"df": 'pd.DataFrame({"shelf": ["c", "c"], "grams": [-1, -4]})'},
        ],
        right='result = df.groupby("shelf")["grams"].max()',
        wrong=['result = df.groupby("shelf")["grams"].min()', "df = 1"],
        compare="pd.testing.assert_series_equal(result, ans)",
    ),
    Own(
        library="Pandas",
        number=1,
        text="Append the share that each stall has of all takings, as column share.",
        data=[{"df": 'pd.DataFrame({"stall": [1, 2, 3], "takings": [10.0, 30.0, 60.0]})'}],
        right='    df["share"] = df["takings"] / df["takings"].sum()\n    return df',
        wrong=['    df["share"] = df["takings"]\n    return df', "    pass"],
        compare="pd.testing.assert_frame_equal(result, ans)",
        body=True,
    ),
    Own(
        library="Numpy",
        number=0,
        text="Take every second row of a, with its columns from right to left. No loops, please.",
        data=[{"a": "np.arange(12).reshape(4, 3)"}, {"a": "np.arange(15.0).reshape(5, 3)"}],
        right="result = a[::2, ::-1]",
        wrong=["result = a[::2]", "result = np.array([row[::-1] for row in a[::2]])"],
        compare="np.testing.assert_array_equal(result, ans)",
        forbidden="for",
    ),
    Own(
        library="Numpy",
        number=1,
        text="Scale each row of a so that it sums to one.",
        data=[{"a": "np.array([[1.0, 3.0], [2.0, 2.0]])"}],
        right="    return a / a.sum(axis=1, keepdims=True)",
        wrong=["    return a / a.sum(axis=0)", "return a / a.sum(axis=1, keepdims=True)"],
        compare=_CLOSE,
        body=True,
    ),
    Own(
        library="Matplotlib",
        number=0,
        text="Plot the squares of 0 to 5 as a red dashed line, titled Squares",
        data=[],
        right='x = np.arange(6)\nplt.plot(x, x**2, "r--")\nplt.title("Squares")',
        wrong=['x = np.arange(6)\nplt.plot(x, x**2, "b--")\nplt.title("Squares")', "pass"],
    ),
    Own(
        library="Matplotlib",
        number=1,
        text="Plot bars of the heights 3, 1, 2 over a, b, c, with the labels of x turned by 45 degrees",
        data=[],
        right='plt.bar(["a", "b", "c"], [3, 1, 2])\nplt.xticks(rotation=45)',
        wrong=['plt.bar(["a", "b", "c"], [3, 1, 2])'],
    ),
    Own(
        library="Tensorflow",
        number=0,
        text="The mean of each column of the tensor t.",
        data=[{"t": "tf.constant([[1.0, 2.0], [3.0, 6.0]])"}],
        right="result = tf.reduce_mean(t, axis=0)",
        wrong=["result = tf.reduce_mean(t, axis=1)"],
        compare=_CLOSE,
    ),
    Own(
        library="Tensorflow",
        number=1,
        text="One row for each label in k, of four numbers: one at the label, zero elsewhere.",
        data=[{"k": "[0, 3, 1]"}, {"k": "[2]"}],
        right="    return tf.one_hot(k, 4)",
        wrong=["    return tf.one_hot(k, 5)"],
        compare=_CLOSE,
        body=True,
    ),
    Own(
        library="Scipy",
        number=0,
        text="Where between 0 and 3 is x cubed equal to c?",
        data=[{"c": "8.0"}, {"c": "2.0"}],
        right="result = optimize.brentq(lambda x: x**3 - c, 0, 3)",
        wrong=["result = c / 3"],
        compare=_CLOSE,
    ),
    Own(
        library="Scipy",
        number=1,
        text="The sum of each row of the sparse matrix m, as an array of one dimension.",
        data=[{"m": "sparse.csr_matrix(np.array([[1, 0, 2], [0, 3, 0]]))"}],
        right="result = np.asarray(m.sum(axis=1)).ravel()",
        wrong=["result = np.asarray(m.sum(axis=0)).ravel()"],
        compare="np.testing.assert_array_equal(result, ans)",
    ),
    Own(
        library="Sklearn",
        number=0,
        text="Scale the columns of x to mean 0 and variance 1.",
        data=[{"x": "np.array([[1.0, 10.0], [2.0, 30.0], [6.0, 20.0]])"}],
        right="result = StandardScaler().fit_transform(x)",
        wrong=["result = MinMaxScaler().fit_transform(x)"],
        compare=_CLOSE,
    ),
    Own(
        library="Sklearn",
        number=1,
        text="Fit y by a line in x; I want the slope.",
        data=[{"x": "np.arange(5.0).reshape(-1, 1)", "y": "np.array([1.0, 3.0, 5.0, 7.0, 9.0])"}],
        right="    return LinearRegression().fit(x, y).coef_[0]",
        wrong=["    return LinearRegression().fit(x, y).intercept_"],
        compare=_CLOSE,
        body=True,
    ),
    Own(
        library="Pytorch",
        number=0,
        text="The sum of the positive entries of t.",
        data=[{"t": "torch.tensor([[1.0, -2.0], [3.0, -4.0]])"}],
        right="result = t[t > 0].sum()",
        wrong=["result = t.sum()"],
        compare="torch.testing.assert_close(result, ans)",
    ),
    Own(
        library="Pytorch",
        number=1,
        text="Swap the two halves of the vector v.",
        data=[{"v": "torch.arange(6)"}, {"v": "torch.tensor([1.5, 2.5])"}],
        right="    return torch.roll(v, len(v) // 2)",
        wrong=["    return v.flip(0)", "    return v"],
        compare="torch.testing.assert_close(result, ans)",
        body=True,
    ),
)

BY_ID: Mapping[str, Own] = {one.id: one for one in PROBLEMS}


def jsonl(path: Path, problems: Iterable[Own] = PROBLEMS) -> Path:
    """The problems as a file of the newer format."""
    path.write_text("".join(json.dumps(one.record(row)) + "\n" for row, one in enumerate(problems)), "utf-8")
    return path


def tree(folder: Path, problems: Iterable[Own] = PROBLEMS, python: str = "") -> Path:
    """The problems as a folder of the older format; with a ``python`` that has their libraries, with inputs and answers."""
    chosen = list(problems)
    for one in chosen:
        for mode in _modes(one):
            place = folder / one.library / mode / f"q{one.number}"
            place.mkdir(parents=True)
            for name, text in one.files(mode.lower()).items():
                (place / name).write_text(text, "utf-8")
    for library in dict.fromkeys(one.library for one in chosen) if python else ():
        _pickled(folder / library, [one for one in chosen if one.library == library], python)
    return folder


def _modes(one: Own) -> Sequence[str]:
    return ("Completion",) if one.library == "Matplotlib" else ("Completion", "Insertion")


def _pickled(folder: Path, problems: Sequence[Own], python: str) -> None:
    """Inputs and answers of one library's problems, made in one process, whose start is most of the time."""
    places = {str(folder / "Completion" / f"q{one.number}"): one.maker() for one in problems}
    script = f"import os\nfor place, code in {places!r}.items():\n    os.chdir(place)\n    exec(code, {{}})\n"
    subprocess.run([python, "-c", script], check=True, capture_output=True)
    for one in problems:
        for name in ("input", "ans"):
            made = folder / "Completion" / f"q{one.number}" / name
            for mode in _modes(one)[1:]:
                shutil.copytree(made, folder / mode / f"q{one.number}" / name)
