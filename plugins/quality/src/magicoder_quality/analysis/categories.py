"""What kinds of problems a set has: the paper's ten categories, by the nearest of phrases that describe them.

Source of the ten names: Wei et al. 2023, "Magicoder" (arXiv 2312.02120), its figure of categories. The paper asks an
embedding model for the category whose one query is nearest. Here each category has several phrases, which lifts even
small models (docs/analysis.md has the figures), and a text is of the category that has the nearest one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from magicoder_quality.analysis.embedding import Embedding
    from magicoder_quality.analysis.rows import Row

Mode = Literal["seed", "problem", "solution", "problem-solution"]
MODES: Sequence[str] = get_args(Mode)
"""Which text of a row is looked at."""

PHRASES: Mapping[str, Sequence[str]] = {
    "Algorithmic and Data Structure Problems": (
        "algorithmic and data structure problems",
        "sort, search, merge or reverse an array or a list",
        "remove duplicates from a list, find the largest element, rotate or flatten an array",
        "strings: palindrome, anagram, substring, count characters, reverse the words",
        "linked list, stack, queue, heap, hash map, set, trie",
        "binary tree traversal, search tree insertion",
        "graph algorithms: depth first search, breadth first search, shortest path, cycle",
        "dynamic programming, recursion, backtracking, greedy, two pointers, longest subsequence",
        "implement quicksort, merge sort or binary search",
    ),
    "Mathematical and Computational Problems": (
        "mathematical and computational problems",
        "compute the factorial, Fibonacci numbers, primes, divisors, greatest common divisor",
        "arithmetic: add, subtract, multiply, divide two numbers, remainder, sum of squares",
        "geometry: area, volume, distance, angle, triangle, circle",
        "linear algebra: matrix, vector, determinant, dot product",
        "convert temperature or units, percentages, average",
        "combinations, permutations, probability, modulo",
        "numerical methods: integration, roots of a polynomial, equation solver, precision",
        "number theory, binary and decimal representation",
    ),
    "Database and SQL Problems": (
        "database and SQL problems",
        "write an SQL query: select from table where, join, group by, order by",
        "insert, update and delete records and rows in a table",
        "create a table with columns, primary key, foreign key, index",
        "MySQL, PostgreSQL, SQLite, MongoDB documents and collections",
        "database schema design, migration, transaction, rollback",
        "object-relational mapping, models, repository, query builder",
        "count the records, employees, customers, orders in the table",
    ),
    "System Design and Architecture Problems": (
        "system design and architecture problems",
        "design a scalable distributed system of services, message queue, events, publish and subscribe",
        "software architecture: interfaces, dependency injection, layers, modules, plugins, components",
        "design patterns: factory, observer, singleton, strategy, adapter",
        "class hierarchy, abstraction, inheritance, object-oriented design",
        "configuration, logging, deployment, containers, orchestration, cluster",
        "job scheduler, worker pool, retries, lifecycle, state machine",
        "refactor code into a maintainable structure",
    ),
    "Security and Cryptography Problems": (
        "security and cryptography problems",
        "encrypt and decrypt data with a key, cipher, AES, RSA",
        "hash a password with a salt, verify a digital signature, certificate",
        "authentication, authorization, access token, login, permissions, roles",
        "prevent injection, cross-site scripting, vulnerabilities, exploits, malware",
        "sanitize untrusted input, secure random secret, key generation",
        "firewall, privacy, audit, secrets",
    ),
    "Performance Optimization Problems": (
        "performance optimization problems",
        "optimize the code so that it runs faster, reduce time and memory",
        "profile, benchmark and measure the run time, throughput and latency",
        "cache, memoization, lazy evaluation, buffer reuse, fewer allocations",
        "parallel processing with threads on many cores, concurrency, vectorization, SIMD, GPU",
        "improve the efficiency and complexity for large inputs, bottleneck",
    ),
    "Web Problems": (
        "web problems",
        "HTTP server, request, response, route, REST API endpoint, JSON",
        "web application with Flask, Django, Express, Node.js, Laravel, Spring controller",
        "HTML page, form, link, table, CSS style, browser, DOM, JavaScript element",
        "scrape a web page, URL, parse HTML or XML",
        "middleware, session, cookies, redirect, websocket, AJAX fetch",
        "website, blog, web client and web service",
    ),
    "Domain Specific Problems": (
        "domain specific problems",
        "simulate a game with a player, score, level and physics",
        "finance: bank account, stock trading, invoice, tax, shop inventory, payment",
        "biology, chemistry, DNA sequence, molecules, medicine, patients",
        "hardware, embedded devices, sensors, robot, microcontroller, driver, protocol",
        "geography, map, GPS coordinates, weather, astronomy",
        "blockchain, smart contract, token",
        "audio, music, image, video processing",
        "compiler, parser, interpreter of a special language",
        "reservation, hotel, vending machine, elevator, library, school management",
    ),
    "User Interface and Application Design Problems": (
        "user interface and application design problems",
        "graphical user interface: window, button, label, text field, menu, dialog",
        "mobile app screen for Android, iOS, Swift view controller, Flutter widget",
        "React, Vue or Angular component with props and state, rendering and events",
        "layout, style, animation, colours, theme, accessibility, navigation bar",
        "user clicks, taps, drags; keyboard input; form validation shown to the user",
        "desktop application with undo, toolbar and settings",
    ),
    "Data Science and Machine Learning Problems": (
        "data science and machine learning problems",
        "train a model, neural network, classification, regression, clustering",
        "pandas data frame, CSV file, missing values, group, aggregate, clean the data",
        "plot, chart, histogram, visualization of data with matplotlib",
        "features, labels, training set, test set, accuracy, cross validation, loss, gradient",
        "natural language processing, sentiment, embeddings, tokenization of text",
        "PyTorch, TensorFlow, scikit-learn, NumPy arrays, tensors",
        "statistics: mean, variance, correlation, distribution, sampling",
    ),
}
"""Each category, in the paper's words, with phrases in ours."""

NAMES = tuple(PHRASES)
_BATCH, _CHARACTERS = 1024, 4_000_000
"""Texts that are looked at together: small batches would keep the threads of numpy's library turning between them."""


def text_of(row: Row, mode: Mode) -> str:
    """The text of a row that is looked at; nothing if the row has none."""
    if mode == "problem-solution":
        return f"{row.problem}\n{row.solution}"
    return {"seed": row.seed or "", "problem": row.problem, "solution": row.solution}[mode]


class Categories:
    """Names the category of texts.

    Args:
        embedding: what makes vectors of texts.
    """

    def __init__(self, embedding: Embedding) -> None:
        import numpy as np

        self._embedding = embedding
        self._phrases = embedding.of_queries([phrase for phrases in PHRASES.values() for phrase in phrases])
        self._starts = np.cumsum([0, *(len(phrases) for phrases in PHRASES.values())])[:-1]

    def of(self, texts: Sequence[str]) -> list[int | None]:
        """For each text the place of its category in `NAMES`, or None for a text that has no vector (no words)."""
        import numpy as np

        vectors = self._embedding.of_texts(texts)
        nearest = np.maximum.reduceat(vectors @ self._phrases.T, self._starts, axis=1)
        known = np.abs(vectors).sum(axis=1) > 0
        return [int(best) if is_known else None for best, is_known in zip(nearest.argmax(axis=1), known, strict=True)]


@dataclass
class Shares:
    """How many texts of one set are of which category."""

    categories: Categories
    mode: Mode
    counts: list[int] = field(default_factory=lambda: [0] * len(NAMES))
    none: int = 0
    _waiting: list[str] = field(default_factory=list)
    _characters: int = 0

    def add(self, row: Row) -> None:
        """Count one row, sooner or later: models are quicker at many texts."""
        text = text_of(row, self.mode)
        self._waiting.append(text)
        self._characters += len(text)
        if len(self._waiting) >= _BATCH or self._characters >= _CHARACTERS:
            self.finish()

    def finish(self) -> None:
        """Count those that wait."""
        if not self._waiting:
            return
        for place in self.categories.of(self._waiting):
            if place is None:
                self.none += 1
            else:
                self.counts[place] += 1
        self._waiting.clear()
        self._characters = 0

    def facts(self) -> dict[str, Any]:
        """``counts`` in the order of the categories, and how many texts have ``none``: no words, or no seed."""
        self.finish()
        return {"counts": self.counts, "none": self.none}
