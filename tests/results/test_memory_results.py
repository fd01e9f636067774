"""A result in memory, and the stack of several, hold what a result file would."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import xarray

from neurosim.results.memory import MemoryResult
from neurosim.results.stack import write_stack
from neurosim.results.writer import ResultWriter


def fill(sink, shift: float = 0.0, length: int = 3) -> None:
    """Write a bit of everything that an analysis writes."""
    sink.set_attributes("a", {"period": 2.0})
    sink.dimension("a", "time", np.arange(5.0), "time", "s", unlimited=True)
    sink.dimension("a", "unit", np.arange(2), "unit")
    sink.dimension("a", "block", ["W_0", "all"], "block")
    sink.variable("a", "norm", ("block",), np.array([1.0, 2.0]) + shift, "a norm", "1")
    sink.variable("a/inner", "fixed", ("unit",), np.array([3, 4]), "the same for all", "V", {"symbol": "s"})
    sink.variable("a", "codes", ("unit",), np.array([0, 1], np.int8), "codes", attributes={"flag_values": np.arange(2)})
    sink.variable("a", "one", (), shift, "a single number", "1")
    growing = sink.growing("a", "state", ("time", "unit"), np.float64, "a state", "1")
    growing.attrs["symbol"] = "s"
    growing[0] = [5.0 + shift, 6.0]
    sink.cut("a", "time", length)


def arrays(file: h5py.File) -> dict[str, tuple]:
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            dims = [scale[0].name for scale in item.dims if len(scale)]
            found[name] = (item[()], dims, item.attrs["long_name"], item.attrs.get("units"))

    file.visititems(visit)
    return found


def test_a_stack_of_one_shape_is_the_files_side_by_side(tmp_path):
    results = []
    for i in range(3):
        with ResultWriter(tmp_path / f"{i}.h5", {}) as writer:
            fill(writer, shift=float(i))
            writer.finish({})
        results.append(MemoryResult())
        fill(results[-1], shift=float(i))
    assert len({result.shape_digest() for result in results}) == 1
    columns = {"run_id": (["x", "y", "z"], "id", None, {}), "seconds": ([1.0, 2.0, 3.0], "time", "s", {"k": 1})}
    write_stack(tmp_path / "stack.h5", {"name": "n"}, [4, 7, 9], columns, results, {"host": "h"})
    with h5py.File(tmp_path / "stack.h5") as file:
        stack = arrays(file)
        assert file["a"].attrs["period"] == 2.0
        assert file["a/state"].attrs["symbol"] == "s"
        assert file["provenance"].attrs["host"] == "h"
        assert file["point"][:].tolist() == [4, 7, 9]
        assert file["run_id"].asstr()[:].tolist() == ["x", "y", "z"]
    for i in range(3):
        with h5py.File(tmp_path / f"{i}.h5") as file:
            for name, (values, dims, long_name, units) in arrays(file).items():
                stacked, its_dims, its_name, its_units = stack[name]
                assert (its_name, its_units) == (long_name, units)
                mine = stacked[i] if its_dims[:1] == ["/point"] else stacked
                np.testing.assert_array_equal(mine, values, err_msg=name)
                assert [dim for dim in its_dims if dim != "/point"] == dims
    assert stack["a/norm"][1] == ["/point", "/a/block"]
    assert stack["a/inner/fixed"][1] == ["/a/unit"]
    opened = xarray.open_dataset(tmp_path / "stack.h5", engine="h5netcdf", group="a")
    assert opened["norm"].dims == ("point", "block")


def test_results_of_other_shapes_have_other_digests():
    digests = set()
    for change in ({}, {"length": 2}):
        result = MemoryResult()
        fill(result, **change)
        digests.add(result.shape_digest())
    other = MemoryResult()
    fill(other)
    other.coordinates["a/block"].values[0] = "B_0"
    digests.add(other.shape_digest())
    assert len(digests) == 3


def test_what_is_kept_does_not_change_with_its_source():
    result, values = MemoryResult(), np.zeros(2)
    result.dimension("/", "unit", np.arange(2), "unit")
    result.variable("/", "x", ("unit",), values, "x")
    values[:] = 1
    assert result.arrays["x"].values.tolist() == [0.0, 0.0]


def test_mistakes_of_an_analysis_do_not_pass():
    result = MemoryResult()
    result.dimension("a", "unit", np.arange(2), "unit")
    with pytest.raises(ValueError, match=r"a/x: of shape \(3,\), but its dimensions are \(2,\)"):
        result.variable("a", "x", ("unit",), np.zeros(3), "x")
    with pytest.raises(KeyError, match="dimension 'unit' of group 'b' does not exist"):
        result.variable("b", "x", ("unit",), np.zeros(2), "x")
    result.variable("a", "x", ("unit",), np.zeros(2), "x")
    with pytest.raises(ValueError, match="a/x is written twice"):
        result.variable("a", "x", ("unit",), np.zeros(2), "x")
