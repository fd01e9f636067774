"""Open result files, and axes in the style of neurosim."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from plots_files import write_bias, write_relax, write_robustness, write_train
from signal_files import write_decorrelation_file, write_perturbation_file, write_sequence_file
from sweep_files import write_sweep

from neurosim.plots.style import styled
from neurosim.results.reader import open_result


@pytest.fixture
def axes() -> Iterator[Axes]:
    with styled():
        yield Figure(figsize=(6.4, 3.8)).add_subplot()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., h5py.File]]:
    with ExitStack() as stack:

        def opened(write: Callable[..., Path], **options: Any) -> h5py.File:
            path = tmp_path / f"{write.__name__}-{len(list(tmp_path.iterdir()))}.h5"
            return stack.enter_context(open_result(write(path, **options)))

        yield opened


@pytest.fixture
def relax(opened: Callable[..., h5py.File]) -> Callable[..., h5py.File]:
    """Make and open a relaxation; options as in `write_relax`."""
    return lambda **options: opened(write_relax, **options)


@pytest.fixture
def bias(opened: Callable[..., h5py.File]) -> Callable[..., h5py.File]:
    """Make and open a bias ladder; options as in `write_bias`."""
    return lambda **options: opened(write_bias, **options)


@pytest.fixture
def train(opened: Callable[..., h5py.File]) -> Callable[..., h5py.File]:
    """Make and open a training run; options as in `write_train`."""
    return lambda **options: opened(write_train, **options)


@pytest.fixture
def robustness(opened: Callable[..., h5py.File]) -> Callable[..., h5py.File]:
    """Make and open a comparison of attacked circuits; options as in `write_robustness`."""
    return lambda **options: opened(write_robustness, **options)


@pytest.fixture
def swept(opened: Callable[..., h5py.File]) -> Callable[..., h5py.File]:
    """Make and open a sweep; options as in `write_sweep`."""
    return lambda **options: opened(write_sweep, **options)


@pytest.fixture
def sequence(opened: Callable[..., h5py.File]) -> Callable[..., h5py.File]:
    """Make and open the run of a circuit driven by signals; options as in `write_sequence_file`."""
    return lambda **options: opened(write_sequence_file, **options)


@pytest.fixture
def perturbation(opened: Callable[..., h5py.File]) -> Callable[..., h5py.File]:
    """Make and open cosines of updates by perturbation; options as in `write_perturbation_file`."""
    return lambda **options: opened(write_perturbation_file, **options)


@pytest.fixture
def decorrelation(opened: Callable[..., h5py.File]) -> Callable[..., h5py.File]:
    """Make and open correlations before and after; options as in `write_decorrelation_file`."""
    return lambda **options: opened(write_decorrelation_file, **options)
