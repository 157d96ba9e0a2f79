"""The list of benchmarks. To add one, define a `BENCHMARK` in a module of this package, and add its name here."""

from __future__ import annotations

from importlib import import_module

from scripts.benchmarks.benchmark import Benchmark

NAMES = ("build", "growth", "change", "serve", "packets", "verify", "check", "help", "memory", "ha", "teach")


def load(name: str) -> Benchmark:
    """Return the benchmark of one of `NAMES`."""
    found = import_module(f"scripts.benchmarks.{name}").BENCHMARK
    if not isinstance(found, Benchmark):
        raise TypeError(f"the module {name} does not define a benchmark")
    return found
