"""One table over any number of scores, beside the figures that the paper published.

reading      report files and run directories -> scores
suites       which columns stand together, and which figure of a report goes where
assembling   scores -> suites of rows and columns
averaging    one figure over several columns, weighted by tasks
comparing    what must be equal for two figures to be compared
published    the paper's rows, facts with their sources
telling      what a score depends on, in words
text, markdown, html, plain    the same table for a terminal, a page of text, a browser, a program
"""

from __future__ import annotations

from magicoder_core.reporting.assembling import table
from magicoder_core.reporting.shapes import Cell, Column, Row, Suite, Table
from magicoder_core.reporting.writing import Wish, report

__all__ = ["Cell", "Column", "Row", "Suite", "Table", "Wish", "report", "table"]
