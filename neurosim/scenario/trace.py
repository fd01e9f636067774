"""From the place that pydantic gives an error to the key that the user wrote, and what is declared there.

A place is a tuple of keys and indices, but pydantic inserts the tag of every union in it: ``("analysis", "optimizer",
"adam", "rate")``. A tag can look like a key, so the only safe way to drop it is to walk along the declared types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from neurosim.scenario.section import Section
from neurosim.settings import Settings

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Group:
    """The keys of one settings class as messages speak of them.

    Parameters
    ----------
    settings : type of Settings
        The class.
    name : str
        "dual_propagation" where a name chose the class, else the path of the group, "circuit.init".
    chosen_by : str
        The key that holds that name; empty if no name chose the class.
    also : tuple of str
        Keys that a file may have besides those of the class.
    """

    settings: type[Settings]
    name: str
    chosen_by: str = ""
    also: tuple[str, ...] = ()

    def known(self) -> tuple[str, ...]:
        """Return every key that may stand in this group, sorted."""
        return tuple(sorted((*fields(self.settings), *self.also)))


@dataclass(frozen=True)
class Spot:
    """What is declared where an error occurred.

    Parameters
    ----------
    path : tuple of str or int
        Keys and indices as the user wrote them.
    declared : object
        Type of the value there; None where nothing is declared.
    hints : tuple of object
        What is annotated to that type: fields, sections.
    group : Group, optional
        The keys that belong below this spot.
    owner : Group, optional
        The keys among which the last part of `path` should be.
    field : pydantic.fields.FieldInfo, optional
        The declaration of that key.
    union : tuple of str or int, optional
        Path of a union of plain types on the way: one value, several complaints.
    """

    path: Place
    declared: Any
    hints: tuple[Any, ...] = ()
    group: Group | None = None
    owner: Group | None = None
    field: FieldInfo | None = None
    union: Place | None = None

    @property
    def key(self) -> str:
        """The path with dots."""
        return ".".join(str(part) for part in self.path)

    @property
    def section(self) -> Section | None:
        """The section that is declared here, if there is one."""
        return next((hint for hint in self.hints if isinstance(hint, Section)), None)

    @property
    def tag_key(self) -> str:
        """The key that tells the alternatives of a union of classes apart; empty if there is none."""
        tags = (hint.discriminator for hint in self.hints if isinstance(hint, FieldInfo))
        return next((tag for tag in tags if isinstance(tag, str)), "")

    def members(self) -> tuple[Any, ...]:
        """Return the alternatives that are declared, without None; one if it is no union."""
        if get_origin(self.declared) in (Union, UnionType):
            return tuple(member for member in get_args(self.declared) if member is not NoneType)
        return (self.declared,)

    def names(self) -> tuple[str, ...]:
        """Return the names of the alternatives of a union of classes."""
        tag_key = self.tag_key
        return tuple(name for member in self.members() for name in names_of(member, tag_key))


def trace(declared: Any, data: object, place: Sequence[str | int]) -> Spot:
    """Follow the place of an error through the declared types.

    Parameters
    ----------
    declared : type or annotation
        What `data` was validated as.
    data : object
        The plain data.
    place : sequence of str or int
        The place as pydantic gives it.
    """
    spot = _open(Spot((), declared), data)
    for part in place:
        if len(spot.members()) > 1:
            spot = _open(_choose(spot, part), data)
        else:
            data = _item(data, part)
            spot = _open(_descend(spot, part), data)
    return spot


def fields(settings: type[Settings]) -> dict[str, FieldInfo]:
    """Return the keys of a settings class as users write them, with their declarations."""
    return {field.alias or name: field for name, field in settings.model_fields.items()}


def names_of(settings: Any, key: str) -> tuple[str, ...]:
    """Return the names that choose a class through the key `key`."""
    field = getattr(settings, "model_fields", {}).get(key)
    return () if field is None else literals(field.annotation)


def literals(annotation: Any) -> tuple[Any, ...]:
    """Return the values of a Literal, also inside Annotated or an optional; empty if there is none."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return tuple(value for argument in get_args(annotation) for value in literals(argument))
    return ()


def _open(spot: Spot, data: object) -> Spot:
    """Look through annotations, optional values and sections for the type that has content."""
    while True:
        members = spot.members()
        if get_origin(spot.declared) is Annotated:
            inner, *hints = get_args(spot.declared)
            spot = replace(spot, declared=inner, hints=(*hints, *spot.hints))
        elif len(members) == 1 and members[0] is not spot.declared:
            spot = replace(spot, declared=members[0])
        else:
            break
    section = spot.section
    name = None if section is None else section.name_in(data)
    if section is not None and name is not None:
        settings = section.registry.settings(name)
        return replace(spot, declared=settings, group=Group(settings, name, section.key, section.also))
    if spot.group is None and isinstance(spot.declared, type) and issubclass(spot.declared, Settings):
        return replace(spot, group=Group(spot.declared, spot.key or "a scenario"))
    return spot


def _choose(spot: Spot, tag: str | int) -> Spot:
    """Take the alternative of a union that a tag stands for; the path stays."""
    key = spot.tag_key
    for member in spot.members():
        if key and tag in names_of(member, key):
            return replace(spot, declared=member, hints=(), group=Group(member, str(tag), key))
    chosen = next((member for member in spot.members() if str(tag).startswith(_outer_name(member))), None)
    return replace(spot, declared=chosen, hints=(), union=spot.path if spot.union is None else spot.union)


def _descend(spot: Spot, part: str | int) -> Spot:
    """Go down by one key or index."""
    below = Spot((*spot.path, part), None, owner=spot.group, union=spot.union)
    if spot.group is not None:
        field = fields(spot.group.settings).get(str(part))
        if field is None:
            return below
        return replace(below, declared=field.annotation, hints=(field, *field.metadata), field=field)
    container, arguments = get_origin(spot.declared), get_args(spot.declared)
    if container is tuple and isinstance(part, int) and arguments:
        same = len(arguments) == 2 and arguments[1] is Ellipsis
        return replace(below, declared=arguments[0 if same else min(part, len(arguments) - 1)])
    if container is dict and len(arguments) == 2:
        return replace(below, declared=arguments[1])
    return below


def _outer_name(annotation: Any) -> str:
    """Return how the tag of an alternative without a name begins: "tuple" for ``tuple[float, ...]``."""
    return str(getattr(get_origin(annotation) or annotation, "__name__", "?"))


def _item(data: object, part: str | int) -> object:
    if isinstance(data, Mapping):
        return data.get(part)
    if isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
        return data[part]
    return None
