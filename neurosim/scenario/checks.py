"""What can be wrong between sections that are valid each by itself. Nothing here reads a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from neurosim.registry import ANALYSES, DATASETS, RULES, SOLVERS
from neurosim.scenario.section import SECTIONS
from neurosim.settings import Sections

_WITHOUT_RULE = frozenset({"relax"})
_TAKE_SEQUENCES = frozenset({"recurrent"})  # kinds of circuits that are driven by signals
_SEQUENCES_ONLY = ("perturbation",)
_SEQUENCE_ANALYSES = ("train", *_SEQUENCES_ONLY)


class ValidSections:
    """The valid sections of a scenario that has others, for checks that need only some of them.

    Parameters
    ----------
    sections : mapping of str to object
        The sections that are known. Asking for another one raises `UnknownSectionError`.
    """

    def __init__(self, sections: Mapping[str, Any]) -> None:
        self._sections = dict(sections)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_sections"][name]
        except KeyError:
            raise UnknownSectionError(name) from None


class UnknownSectionError(LookupError):
    """A check asked for a section that is not valid, so there is nothing it could say."""


def misfits(sections: Sections) -> Iterator[tuple[str, str]]:
    """Yield (dotted key, message) for everything that does not fit together, in a fixed order."""
    with suppress(UnknownSectionError):
        strangers = [*_circuit_has_the_rule(sections)]
        if strangers:  # what else they might say of each other would only confuse
            yield from strangers
            return
    with suppress(UnknownSectionError):
        if sections.dynamics is None and sections.circuit.kind not in _TAKE_SEQUENCES:
            yield "dynamics", f"missing; this section needs at least 'solver': {SECTIONS['dynamics'].allowed()}."
            sections = _others(sections, "dynamics")
    for check in (_rule_is_given, _circuit_takes_the_data, _layers_fit_the_data, _noise_is_integrated):
        with suppress(UnknownSectionError):
            yield from check(sections)
    for name in SECTIONS:
        with suppress(UnknownSectionError):
            section = getattr(sections, name)
            if section is not None:
                yield from section.check(sections)


def _rule_is_given(sections: Sections) -> Iterable[tuple[str, str]]:
    if sections.rule is None and sections.analysis.type not in _WITHOUT_RULE:
        yield "rule", f"missing; analysis {sections.analysis.type} needs a learning rule."


def _circuit_takes_the_data(sections: Sections) -> Iterable[tuple[str, str]]:
    data, kind = sections.data, sections.circuit.kind
    if data.sequential and kind not in _TAKE_SEQUENCES:
        able = " or ".join(sorted(_TAKE_SEQUENCES))
        yield "data.set", f"'{data.set}' has sequences, which need circuit.kind: {able}; found {kind}."
    elif not data.sequential and kind in _TAKE_SEQUENCES:
        able = ", ".join(name for name in DATASETS if DATASETS.settings(name).sequential)
        yield "data.set", f"'{data.set}' has single samples, but circuit.kind: {kind} needs sequences: {able}."


def _layers_fit_the_data(sections: Sections) -> Iterable[tuple[str, str]]:
    layers = getattr(sections.circuit, "layers", None)
    if layers is None or sections.data.sequential:
        return
    inputs, targets = sections.data.shape()
    last = (f"circuit.layers.{len(layers) - 1}", layers[-1])
    readout = getattr(sections.circuit, "readout", None)
    if readout is not None:
        last = ("circuit.readout.outputs", readout.outputs)
    for key, found, expected, what in (("circuit.layers.0", layers[0], inputs, "inputs"), (*last, targets, "outputs")):
        if expected is not None and found != expected:
            yield key, f"found {found} {what}, but data set '{sections.data.set}' needs {expected}."


def _noise_is_integrated(sections: Sections) -> Iterable[tuple[str, str]]:
    imperfections, dynamics = getattr(sections.circuit, "imperfections", None), sections.dynamics
    noise = getattr(imperfections, "state_noise", None)
    thermal = getattr(imperfections, "thermal_noise", False)
    if not (thermal or (noise is not None and noise.active)) or dynamics.integrates_noise:
        return
    able = " or ".join(name for name in SOLVERS if SOLVERS.settings(name).integrates_noise)
    yield (
        "dynamics.solver",
        f"solver '{dynamics.solver}' ignores {'thermal_noise' if thermal else 'state_noise'}; use {able}.",
    )


def _circuit_has_the_rule(sections: Sections) -> Iterable[tuple[str, str]]:
    rule, analysis, kind = sections.rule, sections.analysis.type, sections.circuit.kind
    sequential = kind in _TAKE_SEQUENCES
    if rule is not None and rule.sequential != sequential:
        able = ", ".join(name for name in RULES if RULES.settings(name).sequential == sequential)
        what = "is for circuits that relax" if sequential else "learns from sequences, with circuit.kind: recurrent"
        yield "rule.type", f"{rule.type} {what}; a {kind} circuit has the rules {able}."
    allowed = _SEQUENCE_ANALYSES if sequential else [name for name in ANALYSES if name not in _SEQUENCES_ONLY]
    if analysis not in allowed:
        yield "analysis.type", f"{analysis} is not for circuit.kind: {kind}. Use {', '.join(allowed)}."


def _others(sections: Sections, missing: str) -> Sections:
    """Return all sections that are known but one."""
    known = {}
    for name in SECTIONS:
        with suppress(UnknownSectionError):
            if name != missing:
                known[name] = getattr(sections, name)
    return ValidSections(known)
