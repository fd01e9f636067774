"""IDX files, the format of MNIST: a magic number, the lengths of the axes, then the values, all big-endian.

    byte 0, 1   zero
    byte 2      type of the values: 08 unsigned byte, 09 signed byte, 0B int16, 0C int32, 0D float32, 0E float64
    byte 3      number of axes d
    4 d bytes   lengths of the axes, unsigned 32-bit integers
    the rest    values, last axis fastest

Source: Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, section "file formats".
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import DataError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""NumPy types by the third byte of the magic number."""

GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: Path) -> NDArray[Any]:
    """Return the array in an IDX file, plain or compressed by gzip.

    Parameters
    ----------
    path : Path
        The file; its name does not matter, gzip is recognised by content.

    Returns
    -------
    array
        In the byte order of this machine, of the shape and type that the file states; not writeable.

    Raises
    ------
    DataError
        If the file cannot be opened, is damaged, truncated or no IDX file.
    """
    return parse_idx(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, uncompressed if it is a gzip file.

    Raises
    ------
    DataError
        If the file cannot be opened, or its compression is damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged or truncated gzip file of {len(content)} bytes ({error})") from error


def parse_idx(content: bytes, path: Path) -> NDArray[Any]:
    """Return the array in the uncompressed bytes of an IDX file; `path` is only named in messages.

    Raises
    ------
    DataError
        If the magic number is not that of an IDX file, or the length does not match the axes.
    """
    if len(content) < 4:
        raise DataError(f"{path}: truncated IDX file: found {len(content)} bytes, expected at least 4")
    zero, code, axes = struct.unpack_from(">HBB", content)
    if zero != 0 or code not in TYPES or axes == 0:
        raise DataError(
            f"{path}: not an IDX file: found the magic number {content[:4].hex(' ')}, expected 00 00, "
            f"one of {', '.join(f'{known:02x}' for known in TYPES)}, and the number of axes"
        )
    header = 4 + 4 * axes
    if len(content) < header:
        raise DataError(f"{path}: truncated IDX file: found {len(content)} bytes, expected a header of {header}")
    shape = struct.unpack_from(f">{axes}I", content, 4)
    dtype = np.dtype(TYPES[code])
    expected = header + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        fault = "truncated IDX file" if len(content) < expected else "IDX file with bytes left over"
        raise DataError(f"{path}: {fault}: found {len(content)} bytes, expected {expected} for the shape {shape}")
    values = np.frombuffer(content, dtype=dtype, offset=header).reshape(shape)
    return values.astype(dtype.newbyteorder("="), copy=False)
