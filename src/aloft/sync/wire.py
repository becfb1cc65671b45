"""Frozen dataclasses to and from JSON, strictly: what is not declared is refused, and so is what has the wrong type.

Standard library only, for it runs in a release's environment and in the agent alike. A field that has its default value
is left out, so that messages stay small; a field without a default must be there.
"""

import dataclasses
import functools
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from aloft.base.errors import InvalidInput

Json = dict[str, Any]
_Read = Callable[[Any, str], Any]


class MalformedMessage(InvalidInput):
    """A message is not of the form that was agreed on; its sender runs another version or is broken."""


class Message:
    """What frozen dataclasses derive from to travel as JSON.

    Fields may be ``str``, ``int``, ``float``, ``bool``, ``None``, a ``Literal`` of strings, another message, a
    ``tuple[X, ...]`` or a ``Mapping[str, X]`` of these, or a union with ``None``.
    """

    def to_json(self) -> Json:
        """The message as an object of JSON's types; fields that have their default are left out."""
        written: Json = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # every message is a dataclass
            value = getattr(self, field.name)
            if value != _default(field):
                written[field.name] = _plain(value)
        return written

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what :meth:`to_json` wrote.

        Raises:
            MalformedMessage: a field is unknown, missing or of another type; the text names its place.
        """
        return _read_message(cls, data, cls.__name__)  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return value.to_json()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


@functools.cache
def _fields(kind: type) -> tuple[Mapping[str, _Read], frozenset[str]]:
    """The readers of a message's fields, and the names of those that must be there."""
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)
    required = frozenset(field.name for field in fields if _default(field) is dataclasses.MISSING)
    return {field.name: _reader(hints[field.name]) for field in fields}, required


def _read_message(kind: type, data: Any, place: str) -> Any:
    if not isinstance(data, dict):
        raise _wrong(place, "an object", data)
    readers, required = _fields(kind)
    if unknown := data.keys() - readers.keys():
        raise MalformedMessage(f"{place} has the unknown field {min(map(str, unknown))!r}.")
    if missing := required - data.keys():
        raise MalformedMessage(f"{place} lacks the field {min(missing)!r}.")
    return kind(**{name: readers[name](value, f"{place}.{name}") for name, value in data.items()})


def _reader(hint: Any) -> _Read:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _optional(next(_reader(argument) for argument in arguments if argument is not type(None)))
    if origin is Literal:
        return functools.partial(_read_choice, frozenset(arguments))
    if origin is tuple:
        return functools.partial(_read_list, _reader(arguments[0]))
    if origin is not None and issubclass(origin, Mapping):
        return functools.partial(_read_mapping, _reader(arguments[1]))
    if hint is Any:
        return lambda value, _: value
    if issubclass(hint, Message):
        return functools.partial(_read_message, hint)
    return functools.partial(_read_plain, hint)


def _optional(read: _Read) -> _Read:
    return lambda value, place: None if value is None else read(value, place)


def _read_choice(choices: frozenset[str], value: Any, place: str) -> Any:
    if not isinstance(value, str) or value not in choices:
        raise _wrong(place, "one of " + ", ".join(sorted(choices)), value)
    return value


def _read_list(read: _Read, value: Any, place: str) -> Any:
    if not isinstance(value, list):
        raise _wrong(place, "a list", value)
    return tuple(read(item, f"{place}[{index}]") for index, item in enumerate(value))


def _read_mapping(read: _Read, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(place, "an object", value)
    return {key: read(item, f"{place}.{key}") for key, item in value.items()}


def _read_plain(kind: type, value: Any, place: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _wrong(place, f"of type {kind.__name__}", value)
    return value


def _wrong(place: str, wanted: str, value: Any) -> MalformedMessage:
    return MalformedMessage(
        f"{place} must be {wanted}, not {type(value).__name__}.", "Run the same Aloft on both sides."
    )
