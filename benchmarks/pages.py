"""The time of one page, from listings of a thousand to a million items.

The rule: whole listings are walked, page by page, so that the figures are those of every page and not
of the first; small listings are walked often enough to time as many pages.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import batched
from random import Random
from time import perf_counter_ns
from typing import Any, Final

from benchmarks.errors import BenchmarkError
from benchmarks.histogram import Histogram
from benchmarks.ids import short
from benchmarks.results import Row
from scores.models import Page, Repeats, Result
from scores.stores import Store, open_store
