"""Names for the parts that can be swapped."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gram_pyro.errors import UserError
from gram_pyro.system.files import is_file

ELSEWHERE = "FILE.py:Name or module:Name"
"""How a part is named that is not registered."""


class Registry(dict[str, Callable[..., Any]]):
    """Parts of one kind by name; a part may also be given as a callable, `FILE.py:Name` or `module:Name`."""

    def __init__(self, kind: str, base: type, **entries: Callable[..., Any]) -> None:
        super().__init__(entries)
        self.kind, self.base = kind, base

    def add(self, name: str, entry: Callable[..., Any]) -> None:
        """Register a part. Raises `UserError` if the name is taken."""
        if name in self:
            raise UserError(f"a {self.kind} named {name!r} is registered already; choose another name")
        self[name] = entry

    def find(self, part: str | Callable[..., Any]) -> Callable[..., Any]:
        """Return the part that a name, a callable, `FILE.py:Name` or `module:Name` stands for."""
        if callable(part):
            return part
        if part in self:
            return self[part]
        source, _, name = part.rpartition(":")
        if name.endswith(".py"):
            return self._only_class(name)
        if not source:
            known = ", ".join(sorted(self))
            raise UserError(f"unknown {self.kind} {part!r}; known are {known}, and {ELSEWHERE}")
        found = getattr(load_module(source, self.kind), name, None)
        if not callable(found):
            raise UserError(f"{source} has no class or function {name!r} to use as a {self.kind}")
        return found  # type: ignore[no-any-return]

    def name_of(self, part: str | Callable[..., Any]) -> str:
        """Return the text that `find` reads as this part. Raises `UserError` unless it is at the top of a module."""
        if isinstance(part, str):
            source, colon, name = part.rpartition(":")
            if name.endswith(".py"):
                return str(Path(name).resolve())
            return f"{Path(source).resolve()}{colon}{name}" if source.endswith(".py") else part
        for name, entry in self.items():
            if entry is part:
                return name
        module, name = getattr(part, "__module__", ""), getattr(part, "__qualname__", "<nameless>")
        if isinstance(part, self.base):
            instance = f"{self.kind} {type(part).__name__}"
            raise UserError(f"a run folder cannot store the {instance} as an instance; give its class instead")
        if not module or "<" in name or "." in name:
            raise UserError(f"the {self.kind} {name} cannot be found again by name; define it at the top of a module")
        return f"{module}:{name}"

    def _only_class(self, path: str) -> Callable[..., Any]:
        module = load_module(path, self.kind)
        classes = [x for x in vars(module).values() if isinstance(x, type) and x.__module__ == module.__name__]
        own = [x for x in classes if issubclass(x, self.base)]
        if len(own) != 1:
            raise UserError(f"{path} defines {len(own)} {self.kind}s; say which one as {path}:Name")
        return own[0]


def load_module(source: str, kind: str) -> Any:
    """Import a module by name or from a `.py` file. Raises `UserError` if that fails."""
    path = Path(source).resolve()
    if path.suffix == ".py" and not is_file(path):
        raise UserError(f"no file {source} to load a {kind} from")
    try:
        if path.suffix != ".py":
            return importlib.import_module(source)
        spec = importlib.util.spec_from_file_location(str(path), path)
        assert spec is not None and spec.loader is not None
        module = sys.modules[str(path)] = importlib.util.module_from_spec(spec)  # where dataclasses find themselves
        spec.loader.exec_module(module)
        return module
    except Exception as error:
        sys.modules.pop(str(path), None)
        if isinstance(error, UserError):
            raise
        raise UserError(f"{source} cannot be loaded as a {kind}: {type(error).__name__}: {error}") from error
