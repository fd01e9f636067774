"""Pictures as files."""

from __future__ import annotations

import re

import pytest

from neurosim.errors import ResultFileError, ScenarioError
from neurosim.plots.figure import draw_figure
from neurosim.plots.save import save_figure

BEGINNINGS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".PNG"])
def test_the_same_picture_twice_is_the_same_bytes(relax, tmp_path, suffix):
    file = relax()
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    save_figure(draw_figure(file, "activity"), first)
    save_figure(draw_figure(file, "activity"), second)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith(BEGINNINGS[suffix.lower()])


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_picture_bears_no_date(train, tmp_path, suffix):
    path = tmp_path / f"picture{suffix}"
    save_figure(draw_figure(train()), path)
    assert not re.search(rb"CreationDate|dc:date|Creation Time|\d{4}-\d\d-\d\dT", path.read_bytes())


def test_an_existing_picture_is_replaced(train, tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"old")
    save_figure(draw_figure(train()), path)
    assert path.read_bytes().startswith(BEGINNINGS[".png"])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("picture.pgn", r"unknown picture format '\.pgn'\. Did you mean '\.png'\?"),
        ("picture.bmp", r"unknown picture format '\.bmp'\."),
        ("picture", r"no picture format\."),
    ],
)
def test_other_formats_are_refused(train, tmp_path, name, found):
    with pytest.raises(ScenarioError, match=rf"{name}: {found} The name has to end in \.png, \.svg, \.pdf\."):
        save_figure(draw_figure(train()), tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_missing_folder_is_refused(train, tmp_path):
    with pytest.raises(ResultFileError, match=r"picture\.png: cannot be written: there is no folder '.*nowhere'\."):
        save_figure(draw_figure(train()), tmp_path / "nowhere" / "picture.png")


def test_what_the_system_refuses_is_said(train, tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ResultFileError, match=r"folder\.png: cannot be written: Is a directory\."):
        save_figure(draw_figure(train()), tmp_path / "folder.png")
    with pytest.raises(ResultFileError, match=r"\.svg: cannot be written: File name too long\."):
        save_figure(draw_figure(train()), tmp_path / f"{'long' * 100}.svg")
