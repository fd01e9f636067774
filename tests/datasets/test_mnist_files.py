import gzip
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurosim.datasets import mnist
from neurosim.datasets.load import load_dataset
from neurosim.datasets.settings import FashionMnistData, MnistData
from neurosim.errors import DataError

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def small_set(shift: int) -> dict[str, np.ndarray]:
    """Five training and three test images of 2 x 3 pixels."""
    images = (np.arange(8 * 6) * 5 + shift).astype(np.uint8).reshape(8, 2, 3)
    images[0, 0, 0], images[0, 0, 1] = 0, 255
    labels = np.array([3, 1, 4, 1, 5, 9, 2, 6], dtype=np.uint8)
    return dict(zip(NAMES, (images[:5], labels[:5], images[5:], labels[5:]), strict=True))


@pytest.fixture
def contents(to_idx, monkeypatch) -> dict[str, dict[str, bytes]]:
    """Small files in place of the real ones, with the sums that the loader knows set to theirs."""
    made = {
        key: {name: to_idx(values) for name, values in small_set(shift).items()}
        for key, shift in (("mnist", 0), ("fashion_mnist", 7))
    }
    for key, files in made.items():
        sums = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
        monkeypatch.setitem(mnist.SOURCES, key, replace(mnist.SOURCES[key], sums=sums, system=()))
    return made


def write(folder: Path, files: dict[str, bytes], ending: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / (name + ending)).write_bytes(gzip.compress(content) if ending == ".gz" else content)
    return folder


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_reads_plain_and_compressed_files(tmp_path, contents, ending):
    folder = write(tmp_path / "here", contents["mnist"], ending)
    dataset = load_dataset(MnistData(set="mnist", path=str(folder)), "float64", seed=0)
    expected = small_set(0)
    assert dataset.name == "mnist"
    assert np.array_equal(dataset.train.inputs, expected[NAMES[0]].reshape(5, 6) / 255)
    assert dataset.train.inputs.min() == 0.0
    assert dataset.train.inputs.max() == 1.0
    assert np.array_equal(dataset.train.labels, [3, 1, 4, 1, 5])
    assert np.array_equal(dataset.test.inputs, expected[NAMES[2]].reshape(3, 6) / 255)
    assert np.array_equal(dataset.test.targets, np.eye(10)[[9, 2, 6]])


def test_dtype_is_that_of_the_run(tmp_path, contents):
    folder = write(tmp_path, contents["mnist"])
    dataset = load_dataset(MnistData(set="mnist", path=str(folder)), "float32", seed=0)
    assert dataset.train.inputs.dtype == dataset.test.targets.dtype == np.float32


def test_data_path_comes_before_the_option_and_the_option_before_the_variable(tmp_path, contents, monkeypatch):
    """The same four names lie in three places; damage tells which of them was opened."""
    folders = [write(tmp_path / name, contents["mnist"]) for name in ("path", "option", "variable")]
    monkeypatch.setenv("NEUROSIM_DATA", str(folders[2]))
    settings = MnistData(set="mnist", path=str(folders[0]))
    for folder in folders:
        (folder / NAMES[1]).write_bytes(b"damaged")
        with pytest.raises(DataError, match=f"{folder.name}/{NAMES[1]}: not an IDX file"):
            load_dataset(settings, "float32", 0, (folders[1],))
        shutil.rmtree(folder)


@pytest.mark.parametrize("subfolder", ["", "fashion-mnist", "fashion_mnist"])
@pytest.mark.parametrize("origin", ["path", "option", "variable"])
def test_subfolders_of_every_folder_are_sought(tmp_path, contents, monkeypatch, subfolder, origin):
    write(tmp_path / subfolder, contents["fashion_mnist"])
    if origin == "variable":
        monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path))
    path = str(tmp_path) if origin == "path" else None
    folders = (tmp_path,) if origin == "option" else ()
    dataset = load_dataset(FashionMnistData(set="fashion_mnist", path=path), "float32", 0, folders)
    assert len(dataset.train) == 5


def test_one_folder_may_hold_both_sets(tmp_path, contents):
    write(tmp_path, contents["mnist"])
    write(tmp_path / "fashion-mnist", contents["fashion_mnist"], ".gz")
    digits = load_dataset(MnistData(set="mnist"), "float32", 0, (tmp_path,))
    clothes = load_dataset(FashionMnistData(set="fashion_mnist"), "float32", 0, (tmp_path,))
    assert not np.array_equal(digits.train.inputs, clothes.train.inputs)


def test_the_folder_of_the_debian_package_is_the_last_resort(tmp_path, contents, monkeypatch):
    system = write(tmp_path / "system", contents["fashion_mnist"], ".gz")
    monkeypatch.setitem(mnist.SOURCES, "fashion_mnist", replace(mnist.SOURCES["fashion_mnist"], system=(system,)))
    assert len(load_dataset(FashionMnistData(set="fashion_mnist"), "float32", 0).train) == 5
    with pytest.raises(DataError, match="MNIST: no file"):
        load_dataset(MnistData(set="mnist"), "float32", 0)


def test_the_debian_folder_and_no_other_is_known():
    assert mnist.SOURCES["fashion_mnist"].system == (Path("/usr/share/datasets/fashion-mnist"),)
    assert mnist.SOURCES["mnist"].system == ()


def test_a_missing_file_is_reported_with_every_place_and_the_remedy(tmp_path, contents, monkeypatch):
    folder = write(tmp_path / "option", contents["fashion_mnist"], ".gz")
    (folder / (NAMES[3] + ".gz")).unlink()
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path / "variable"))
    settings = FashionMnistData(set="fashion_mnist", path=str(tmp_path / "path"))
    with pytest.raises(DataError, match="Fashion-MNIST: no file") as caught:
        load_dataset(settings, "float32", 0, (folder,))
    first, *lines = str(caught.value).splitlines()
    assert first == f"Fashion-MNIST: no file {NAMES[3]} (plain or .gz). Looked in:"
    expected = [
        f"  {root}{sub} ({origin}; no such folder)"
        for root, origin in (
            (tmp_path / "path", "data.path"),
            (folder, "--data-dir"),
            (tmp_path / "variable", "$NEUROSIM_DATA"),
        )
        for sub in ("/fashion-mnist", "/fashion_mnist", "")
    ]
    expected[5] = f"  {folder} (--data-dir)"
    assert lines[:-1] == expected
    assert lines[-1] == (
        "Name a folder that holds the four IDX files by --data-dir, by $NEUROSIM_DATA or by data.path; "
        "on Debian and Ubuntu, install the package dataset-fashion-mnist."
    )


def test_where_no_folder_was_named_the_message_says_so(contents):
    with pytest.raises(DataError, match="Looked in: nowhere, for no folder was named") as caught:
        load_dataset(MnistData(set="mnist"), "float32", 0)
    assert all(name in str(caught.value) for name in NAMES)
    assert "Debian" not in str(caught.value)


def test_an_empty_variable_names_no_folder(contents, monkeypatch):
    monkeypatch.setenv("NEUROSIM_DATA", "")
    with pytest.raises(DataError, match="nowhere"):
        load_dataset(MnistData(set="mnist"), "float32", 0)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_changed_byte_is_noticed(tmp_path, contents, ending):
    files = dict(contents["mnist"])
    files[NAMES[2]] = files[NAMES[2]][:-1] + b"\x01"
    folder = write(tmp_path, files, ending)
    known = mnist.SOURCES["mnist"].sums[NAMES[2]]
    with pytest.raises(
        DataError, match=f"{NAMES[2]}.*: found MD5 [0-9a-f]+ .* expected {known} for MNIST's .*damaged or"
    ):
        load_dataset(MnistData(set="mnist", path=str(folder)), "float32", 0)


def test_the_files_of_the_other_set_are_recognised(tmp_path, contents):
    folder = write(tmp_path, contents["mnist"])
    with pytest.raises(DataError, match=f"this is MNIST's {NAMES[0]}"):
        load_dataset(FashionMnistData(set="fashion_mnist", path=str(folder)), "float32", 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-3], "truncated IDX file"),
        (lambda content: gzip.compress(content)[:-9], "damaged or truncated gzip file"),
        (lambda content: b"<html>" + content, "not an IDX file: found the magic number 3c 68 74 6d"),
    ],
)
def test_damaged_files_are_reported_by_what_is_wrong_with_them(tmp_path, contents, change, message):
    files = dict(contents["mnist"])
    files[NAMES[0]] = change(files[NAMES[0]])
    folder = write(tmp_path, files)
    with pytest.raises(DataError, match=f"{NAMES[0]}: {message}"):
        load_dataset(MnistData(set="mnist", path=str(folder)), "float32", 0)


@pytest.mark.parametrize(
    ("settings", "train_sum", "test_sum"),
    [
        (MnistData(set="mnist"), 1567298545, 264923200),
        (FashionMnistData(set="fashion_mnist"), 3431114169, 573469082),
    ],
    ids=["mnist", "fashion_mnist"],
)
def test_the_real_sets(real_data, settings, train_sum, test_sum):
    """Pixel sums were taken from the verified files with other code (zlib and sum)."""
    dataset = load_dataset(settings, "float32", 0, (real_data,))
    assert dataset.train.inputs.shape == (60000, 784)
    assert dataset.test.inputs.shape == (10000, 784)
    assert (dataset.features, dataset.outputs) == settings.shape()
    for part, pixels in ((dataset.train, train_sum), (dataset.test, test_sum)):
        assert part.inputs.min() == 0.0
        assert part.inputs.max() == 1.0
        assert round(float(part.inputs.sum(dtype=np.float64)) * 255) == pytest.approx(pixels, abs=pixels * 1e-7)
        assert np.array_equal(part.targets.argmax(axis=1), part.labels)
    if settings.set == "mnist":
        assert np.bincount(dataset.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    else:
        assert np.bincount(dataset.test.labels).tolist() == [1000] * 10
