"""What makes two runs the same run, and how a resolved scenario is written down."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

from neurosim.scenario.section import SECTIONS

_DIGITS = 12
_NEVER_WRAP = 4096
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_ .,;:/()+-]*[A-Za-z0-9_.)]|[A-Za-z_]")
_NAME_KEYS = {section.key for section in SECTIONS.values()}


def run_id(resolved: Mapping[str, Any]) -> str:
    """Return twelve hexadecimal digits that are the same for the same experiment.

    Parameters
    ----------
    resolved : mapping
        A resolved scenario. Its format version takes part; the order of keys and the descriptions, which are for
        people, do not.
    """
    return digest({key: canonical(key, value) for key, value in resolved.items()})


def canonical(key: str, value: Any) -> str:
    """Return what stands under one key of a resolved scenario as JSON, without what is only for people."""
    if key == "circuit" and isinstance(value, Mapping):
        value = {name: inner for name, inner in value.items() if name != "description"}
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(parts: Mapping[str, str]) -> str:
    """Return the run id of a scenario whose keys are `canonical` already."""
    text = ",".join(f'"{key}":{parts[key]}' for key in sorted(parts) if key != "description")
    return sha256(f"{{{text}}}".encode()).hexdigest()[:_DIGITS]


def to_yaml(resolved: Mapping[str, Any]) -> str:
    """Write a resolved scenario or circuit as YAML: sections as blocks, what lies inside them in one line each.

    Parameters
    ----------
    resolved : mapping
        Plain data.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = _NEVER_WRAP
    yaml.Representer = _Quoting
    text = StringIO()
    yaml.dump(_names_first(resolved), text)
    return text.getvalue()


class _Quoting(SafeRepresenter):
    """Quotes every text that is not plainly a word: a leading ``?`` would be written bare and not read back."""


def _text(representer: SafeRepresenter, value: str) -> Any:
    style = None if _WORD.fullmatch(value) else '"'
    return representer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Quoting.add_representer(str, _text)


def _names_first(value: Any) -> Any:
    """Put the key that says what a mapping is before the others, which mean little without it."""
    if isinstance(value, list):
        return [_names_first(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    ordered = sorted(value, key=lambda key: key not in _NAME_KEYS)
    return {key: _names_first(value[key]) for key in ordered}
