"""Names for the parts that can be swapped."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gram_pyro.errors import UserError
from gram_pyro.system.files import is_file


class Registry(Mapping[str, Callable[..., Any]]):
    """Parts of one kind by name; a part may also be given as a callable, `FILE.py:Name` or `module:Name`."""

    def __init__(self, kind: str, base: type, **entries: Callable[..., Any]) -> None:
        self.kind = kind
        self.base = base
        self._entries: dict[str, Callable[..., Any]] = {}
        for name, entry in entries.items():
            self.add(name, entry)

    def add(self, name: str, entry: Callable[..., Any]) -> None:
        """Register a part. Raises `UserError` if the name is taken."""
        if name in self._entries:
            raise UserError(f"a {self.kind} named {name!r} is registered already; choose another name")
        self._entries[name] = entry

    def find(self, part: str | Callable[..., Any]) -> Callable[..., Any]:
        """The part that a name, a callable, `FILE.py:Name` or `module:Name` stands for."""
        if callable(part):
            return part
        if part in self._entries:
            return self._entries[part]
        place, _, name = part.rpartition(":")
        if name.endswith(".py"):
            return self._only_class(name)
        if not place:
            raise UserError(
                f"unknown {self.kind} {part!r}; known are {', '.join(sorted(self))}, "
                f"and FILE.py:Name or module:Name for one of your own"
            )
        found = getattr(load_module(place, self.kind), name, None)
        if not callable(found):
            raise UserError(f"{place} has no class or function {name!r} to use as a {self.kind}")
        return found  # type: ignore[no-any-return]

    def name_of(self, part: str | Callable[..., Any]) -> str:
        """Return the text that `find` reads as this part, from any folder.

        Raises `UserError` for an instance, and for a callable that has no place in a module.
        """
        if isinstance(part, str):
            place, colon, name = part.rpartition(":")
            if name.endswith(".py"):
                return str(Path(name).resolve())
            return f"{Path(place).resolve()}{colon}{name}" if place.endswith(".py") else part
        for name, entry in self._entries.items():
            if entry is part:
                return name
        module, name = getattr(part, "__module__", ""), getattr(part, "__qualname__", "<nameless>")
        if isinstance(part, self.base):
            kind = type(part).__name__
            raise UserError(f"a run folder cannot store the {self.kind} {kind} as an instance; give its class instead")
        if not module or "<" in name or "." in name:
            raise UserError(f"the {self.kind} {name} cannot be found again by name; define it at the top of a module")
        return f"{module}:{name}"

    def _only_class(self, path: str) -> Callable[..., Any]:
        module = load_module(path, self.kind)
        own = [x for x in vars(module).values() if isinstance(x, type) and issubclass(x, self.base)]
        own = [x for x in own if x.__module__ == module.__name__]
        if len(own) != 1:
            raise UserError(f"{path} defines {len(own)} {self.kind}s; say which one as {path}:Name")
        return own[0]

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def load_module(place: str, kind: str) -> Any:
    """Import a module by name or from a `.py` file, with one sentence if that fails."""
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        if not is_file(place):
            raise UserError(f"no file {place} to load a {kind} from")
        name = str(Path(place).resolve())
        spec = importlib.util.spec_from_file_location(name, place)
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look themselves up there
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{place} cannot be loaded as a {kind}: {type(error).__name__}: {error}") from error
