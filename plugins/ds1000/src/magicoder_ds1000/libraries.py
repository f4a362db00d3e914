"""The seven libraries: what a program of each has loaded before it starts, and how to see that this works here.

A fork server that has a library loaded saves its import, which is most of what a program costs. Whether forks of it
work is not taken on trust: `CANARIES` are run so before anything else (`readiness`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_ALL: Final = ("argparse", "ast", "copy", "io", "itertools", "pickle", "tokenize")
"""Of the standard library, what the tests import."""

_ARRAYS: Final = ("numpy", "numpy.testing")
_FRAMES: Final = (*_ARRAYS, "pandas", "pandas.testing")

_TORCH: Final = ("torch", "torch.testing", "torch.fx.experimental.symbolic_shapes", "torch.distributed.tensor")
"""The last two are what the first comparison of two tensors imports, half a second of it."""


@dataclass(frozen=True, kw_only=True)
class Library:
    """One of the libraries, by its name in the data.

    Args:
        name: as DS-1000 spells it.
        tasks: how many problems of the official data are about it.
        needed: top-level modules without which none of its problems can be judged.
        loaded: modules that the fork server imports first, where the interpreter has them.
        canary: a program that uses the library as solutions do: computing, with whatever threads that takes.
    """

    name: str
    tasks: int
    needed: Sequence[str]
    loaded: Sequence[str]
    canary: str

    @property
    def preload(self) -> Sequence[str]:
        """All that is to be loaded, in order."""
        return (*_ALL, *self.loaded)


_SCIPY: Final = ("integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "sparse", "spatial", "stats")
_SKLEARN: Final = (
    *("cluster", "compose", "datasets", "decomposition", "ensemble", "feature_extraction.text", "feature_selection"),
    *("impute", "linear_model", "metrics", "model_selection", "neighbors", "pipeline", "preprocessing", "svm", "tree"),
)

_IMAGES: Final = tuple(
    f"PIL.{kind}"
    for kind in ("Image", "PngImagePlugin", "BmpImagePlugin", "GifImagePlugin", "JpegImagePlugin", "PpmImagePlugin")
)

_LISTED: Final = (
    Library(
        name="Matplotlib",
        tasks=155,
        needed=("numpy", "matplotlib", "PIL"),
        loaded=(*_FRAMES, "matplotlib.pyplot", "matplotlib.backends.backend_agg", *_IMAGES, "seaborn"),
        canary="""\
import os
import matplotlib.pyplot as plt
plt.plot([1, 3, 2])
plt.title("a title")
plt.savefig("canary.png", bbox_inches="tight")
assert os.path.getsize("canary.png") > 1000
""",
    ),
    Library(
        name="Numpy",
        tasks=220,
        needed=("numpy",),
        loaded=_FRAMES,
        canary="""\
import numpy as np
a = np.arange(90000.0).reshape(300, 300)
assert (a @ a).shape == (300, 300) and np.linalg.inv(np.eye(50)).sum() == 50
""",
    ),
    Library(
        name="Pandas",
        tasks=291,
        needed=("numpy", "pandas"),
        loaded=_FRAMES,
        canary="""\
import pandas as pd
df = pd.DataFrame({"a": [1, 1, 2], "b": [3.0, 4.0, 5.0]})
assert df.groupby("a")["b"].sum().tolist() == [7.0, 5.0]
""",
    ),
    Library(
        name="Pytorch",
        tasks=68,
        needed=("numpy", "torch"),
        loaded=(*_FRAMES, *_TORCH),
        canary="""\
import torch
a = torch.rand(300, 300, requires_grad=True)
(a @ a).relu().sum().backward()
assert a.grad.shape == (300, 300)
torch.nn.Conv2d(3, 8, 3)(torch.rand(2, 3, 64, 64)).sum().backward()
""",
    ),
    Library(
        name="Scipy",
        tasks=106,
        needed=("numpy", "scipy"),
        loaded=(*_FRAMES, "scipy", *(f"scipy.{part}" for part in _SCIPY)),
        canary="""\
import numpy as np
from scipy import linalg, optimize
assert abs(optimize.brentq(lambda x: x * x - 2, 0, 2) - 2**0.5) < 1e-9
assert linalg.solve(np.eye(200), np.ones(200)).sum() == 200
""",
    ),
    Library(
        name="Sklearn",
        tasks=115,
        needed=("numpy", "sklearn"),
        loaded=(*_FRAMES, "scipy", "sklearn", *(f"sklearn.{part}" for part in _SKLEARN)),
        canary="""\
import numpy as np
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression
x = np.arange(40.0).reshape(20, 2)
assert LinearRegression().fit(x, x[:, 0]).score(x, x[:, 0]) > 0.99
assert len(set(KMeans(n_clusters=2, n_init=2).fit_predict(x))) == 2
""",
    ),
    Library(
        name="Tensorflow",
        tasks=45,
        needed=("numpy", "tensorflow"),
        loaded=(*_FRAMES, "tensorflow", "keras"),
        canary="""\
import tensorflow as tf
x = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.matmul(x, x))
assert float(tf.reduce_sum(tape.gradient(y, x))) == 40.0
""",
    ),
)

LIBRARIES: Final[Mapping[str, Library]] = {library.name: library for library in _LISTED}
"""By name."""

ENVIRONMENT: Final[Mapping[str, str]] = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "KMP_DUPLICATE_LIB_OK": "TRUE",
    "MPLBACKEND": "Agg",
    # Relative: below wherever the box lets be written. Some libraries ask for a home as soon as they are imported (gensim).
    "HOME": ".",
    "MPLCONFIGDIR": ".matplotlib",
    "KERAS_HOME": ".keras",
    # Threads cost a small program more than they save, and their number must not depend on the machine.
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"),
    **dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "LOKY_MAX_CPU_COUNT"), "1"),
}
"""The official scorer sets the first two; without a display Matplotlib takes Agg there, too."""
