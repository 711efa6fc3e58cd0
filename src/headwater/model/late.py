"""Values with fields that are kept elsewhere until somebody asks for them: most of a catalogue is never asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar


class Late:
    """A frozen value whose fields may be read late (see `late`). It is equal to one that has them all."""

    __slots__ = ("_late",)

    if not TYPE_CHECKING:  # for a checker there are the fields that the class names, and no others

        def __getattr__(self, name: str) -> Any:
            """A field that is kept elsewhere; what has its place and is there is not looked for here."""
            if name == "_late" or name not in getattr(self, "_late", ()):
                raise AttributeError(f"{type(self).__name__!r} has no {name!r}", name=name, obj=self)
            object.__setattr__(self, name, self._late[name]())
            return getattr(self, name)


V = TypeVar("V", bound=Late)


def late(value: V, **fields: Callable[[], Any]) -> V:
    """The value itself, with these fields in the place of its own once somebody asks for them.

    >>> from headwater.model.table import Key
    >>> key = late(Key("company", "email"), but=lambda: ("gmail.com",))
    >>> key.but
    ('gmail.com',)
    """
    object.__setattr__(value, "_late", fields)
    for name in fields:
        object.__delattr__(value, name)
    return value
