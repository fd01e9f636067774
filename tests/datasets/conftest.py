"""Shared by the tests of data sets: writers of small IDX files, and the folder of the large real ones."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(values: np.ndarray) -> bytes:
    """The content of an IDX file, written from the format's definition and not with the code under test."""
    code = CODES[values.dtype.str[1:]]
    header = bytes([0, 0, code, values.ndim]) + b"".join(struct.pack(">I", length) for length in values.shape)
    return header + values.astype(values.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def to_idx() -> Callable[[np.ndarray], bytes]:
    return idx_bytes


@pytest.fixture(autouse=True)
def _no_data_folder_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEUROSIM_DATA", raising=False)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real MNIST and Fashion-MNIST files; tests that need it are skipped where it is absent."""
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    if not (folder / "mnist").is_dir() or not (folder / "fashion-mnist").is_dir():
        pytest.skip("the real MNIST files are not at hand: ../shared/data beside the repository is absent")
    return folder
