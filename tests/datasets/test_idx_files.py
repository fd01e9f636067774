import gzip

import numpy as np
import pytest

from neurosim.datasets.idx import read_idx
from neurosim.errors import DataError

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("compress", [False, True])
def test_round_trip(tmp_path, to_idx, dtype, compress):
    values = np.array([[0, 1, 2], [3, 100, 127]], dtype=dtype) * np.array(1 if dtype == "u1" else -1, dtype=dtype)
    path = tmp_path / "values"
    path.write_bytes(gzip.compress(to_idx(values)) if compress else to_idx(values))
    read = read_idx(path)
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative
    assert np.array_equal(read, values)


def test_a_known_file_byte_by_byte(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(bytes.fromhex("00000801 00000003 05000a"))
    assert read_idx(path).tolist() == [5, 0, 10]


def test_the_name_does_not_decide_on_compression(tmp_path, to_idx):
    plain, packed = tmp_path / "plain.gz", tmp_path / "packed"
    plain.write_bytes(to_idx(IMAGES))
    packed.write_bytes(gzip.compress(to_idx(IMAGES)))
    assert np.array_equal(read_idx(plain), IMAGES)
    assert np.array_equal(read_idx(packed), IMAGES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-1], r"truncated IDX file: found 39 bytes, expected 40 for the shape \(2, 3, 4\)"),
        (lambda content: content[:10], "truncated IDX file: found 10 bytes, expected a header of 16"),
        (lambda content: content[:3], "truncated IDX file: found 3 bytes, expected at least 4"),
        (lambda content: b"", "truncated IDX file: found 0 bytes, expected at least 4"),
        (lambda content: content + b"x", "IDX file with bytes left over: found 41 bytes, expected 40"),
        (
            lambda content: b"\x89PNG" + content[4:],
            "not an IDX file: found the magic number 89 50 4e 47, expected 00 00",
        ),
        (lambda content: b"\x00\x00\x07\x03" + content[4:], "magic number 00 00 07 03, expected .* one of 08, 09, 0b"),
        (lambda content: b"\x00\x00\x08\x00" + content[4:], "magic number 00 00 08 00, .* the number of axes"),
    ],
)
def test_content_that_is_no_idx_file_is_refused(tmp_path, to_idx, change, message):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(change(to_idx(IMAGES)))
    with pytest.raises(DataError, match=f"train-images-idx3-ubyte: .*{message}"):
        read_idx(path)


def flip(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        lambda packed: packed[:-10],
        lambda packed: packed[:6],
        lambda packed: flip(packed, len(packed) - 6),
        lambda packed: flip(packed, 2),
        lambda packed: flip(packed, 11),
    ],
    ids=["cut", "cut in the header", "wrong checksum", "unknown method", "damaged stream"],
)
def test_a_damaged_gzip_file_is_refused(tmp_path, to_idx, change):
    path = tmp_path / "labels.gz"
    path.write_bytes(change(gzip.compress(to_idx(IMAGES))))
    with pytest.raises(DataError, match=r"labels\.gz: damaged or truncated gzip file of \d+ bytes"):
        read_idx(path)


def test_a_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(DataError, match=r"absent: cannot be read \(No such file or directory\)"):
        read_idx(tmp_path / "absent")
