"""Folder scan of plug-in shelves: one file on a shelf is one plug-in, no list to edit."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import TypeVar

from trading_models.base import ConfigError

T = TypeVar("T")


def scan_shelf(shelf: ModuleType, kind: type[T]) -> dict[str, type[T]]:
    """Import every file of `shelf` that does not start with `_`; return its plug-ins by `name`.

    A plug-in is a concrete subclass of `kind` defined in that file. Two plug-ins of one name, and a
    file without a plug-in, raise ConfigError: both are mistakes nobody would notice otherwise.
    """
    found: dict[str, type[T]] = {}
    for entry in sorted(pkgutil.iter_modules(shelf.__path__), key=lambda item: item.name):
        if entry.name.startswith("_"):
            continue
        module = importlib.import_module(f"{shelf.__name__}.{entry.name}")
        plugins = _plugins_of(module, kind)
        if not plugins:
            raise ConfigError(
                f"{module.__name__} holds no {kind.__name__}; a file on this shelf must define one "
                f"subclass of {kind.__name__}: add it, or start the file's name with an underscore"
            )
        for plugin in plugins:
            _register(found, plugin, shelf.__name__)
    return found


def _plugins_of(module: ModuleType, kind: type[T]) -> list[type[T]]:
    return [
        member
        for member in vars(module).values()
        if isinstance(member, type)
        and issubclass(member, kind)
        and member.__module__ == module.__name__
        and not inspect.isabstract(member)
    ]


def _register(found: dict[str, type[T]], plugin: type[T], shelf: str) -> None:
    name = getattr(plugin, "name", "")
    if not isinstance(name, str) or not name:
        raise ConfigError(
            f"{plugin.__module__}.{plugin.__name__} has no `name`; set a unique lower-case name"
        )
    if name in found:
        raise ConfigError(
            f"two plug-ins on {shelf} are called {name!r}: {found[name].__module__} and "
            f"{plugin.__module__}; rename one"
        )
    found[name] = plugin
