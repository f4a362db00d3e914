"""Recipe matrices: one recipe with lists of values, one run for each combination of them, one table of what came of it.

cells      the table ``[matrix]`` -> recipes without one
sharing    what cells have in common is done once: whole stages, and single answers
driving    one cell after another, in a directory that holds a run directory for each
table      ``matrix.json`` and ``matrix.md``: a line for each cell
"""

from __future__ import annotations

from magicoder_core.matrix.cells import Cell, cells, spending
from magicoder_core.matrix.driving import drive, named
from magicoder_core.matrix.table import TABLE, grid, is_matrix, overview

__all__ = ["TABLE", "Cell", "cells", "drive", "grid", "is_matrix", "named", "overview", "spending"]
