"""The benchmarks there are. A new one is a module of this package with a `BENCHMARK`, and its name here."""

from __future__ import annotations

from importlib import import_module

from scripts.benchmarks.benchmark import Benchmark

NAMES = ("build", "change", "packets", "verify", "help", "memory", "ha")


def load(name: str) -> Benchmark:
    """The benchmark of one of `NAMES`."""
    found = import_module(f"scripts.benchmarks.{name}").BENCHMARK
    if not isinstance(found, Benchmark):
        raise TypeError(f"the module {name} has no benchmark")
    return found
