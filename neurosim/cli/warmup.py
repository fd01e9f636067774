"""`neurosim warmup`: compile all kernels into the cache, so that no later run has to wait for it."""

from __future__ import annotations

import time

import typer

PACKAGES = ("neurosim.noise", "neurosim.physics", "neurosim.dynamics", "neurosim.learning")
DTYPES = ("float32", "float64")


def warmup() -> None:
    """Compile all kernels for both precisions into the user's cache folder."""
    from importlib import import_module
    from pkgutil import walk_packages

    for package in PACKAGES:
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            import_module(module.name)

    from neurosim.jit import KERNELS, cache_folder

    began = time.perf_counter()
    for kernel in KERNELS:
        for dtype in DTYPES:
            kernel[dtype]
    seconds = time.perf_counter() - began
    typer.echo(f"{len(KERNELS)} kernels for {' and '.join(DTYPES)} ready in {seconds:.1f} s", err=True)
    typer.echo(cache_folder())
