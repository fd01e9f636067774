"""What a result says about where it comes from."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import pytest

from neurosim.results import provenance as module
from neurosim.results.provenance import provenance


def test_versions_host_and_threads():
    """Enough to set the same thing up again; every value can be an attribute in HDF5."""
    facts = provenance(3)
    assert facts["threads"] == 3
    assert facts["numpy"] == np.__version__
    for library in ("scipy", "numba", "h5py"):
        assert facts[library] == version(library)
    for what in ("python", "platform", "machine", "host", "processors"):
        assert facts[what]
    assert all(isinstance(value, str | int) for value in facts.values())


def test_a_library_without_metadata_is_unknown(monkeypatch: pytest.MonkeyPatch):
    """Frozen applications have none; that is no reason to lose a result."""
    monkeypatch.setattr(module, "LIBRARIES", ("numpy", "no-such-library"))
    assert provenance(1)["no-such-library"] == "unknown"
