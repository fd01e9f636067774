"""The base of all settings: nothing is converted silently, and lists stand for tuples."""

from __future__ import annotations

import pytest
from pydantic import Field, ValidationError

from neurosim.settings import Settings


class Inner(Settings):
    values: tuple[float, ...] = ()


class Outer(Settings):
    whole: int = 0
    real: float = 0.0
    switch: bool = False
    text: str = ""
    rows: tuple[tuple[int, ...], ...] = ()
    inner: tuple[Inner, ...] = ()
    default: Inner = Field(default_factory=Inner)


@pytest.mark.parametrize(
    "wrong",
    [
        {"whole": "1"},
        {"whole": True},
        {"whole": 1.0},
        {"real": "1.0"},
        {"real": False},
        {"real": float("inf")},
        {"real": float("nan")},
        {"switch": 1},
        {"switch": "true"},
        {"text": 1},
        {"rows": "ab"},
        {"default": [1]},
        {"unknown": 1},
    ],
    ids=str,
)
def test_nothing_is_converted_silently(wrong):
    with pytest.raises(ValidationError):
        Outer.model_validate(wrong)


def test_integers_are_numbers_and_lists_are_tuples():
    outer = Outer.model_validate(
        {"real": 3, "rows": [[1, 2], []], "inner": [{"values": [1]}], "default": {"values": [2]}}
    )
    assert outer == Outer(real=3.0, rows=((1, 2), ()), inner=(Inner(values=(1.0,)),), default=Inner(values=[2]))
    assert type(outer.real) is float
    assert isinstance(hash(outer), int)


def test_what_was_given_is_left_as_it_is():
    given = {"rows": [[1]]}
    Outer.model_validate(given)
    assert given == {"rows": [[1]]}
