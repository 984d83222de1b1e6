"""Imports of optional packages, with an error that names the extra to install."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["require"]


def require(module: str, extra: str) -> ModuleType:
    """Imports an optional package, or says how to install it.

    Args:
        module: Dotted name of the module to import.
        extra: The extra of sgnkit that brings it, such as ``"viz"``.

    Raises:
        ImportError: When the module is not installed, or is there but cannot be imported.

    Examples:
        >>> require("json", "viz").dumps([1])
        '[1]'
        >>> require("no_such_package", "viz")
        Traceback (most recent call last):
        ...
        ImportError: no_such_package is not installed. Install it with: pip install 'sgnkit[viz]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        top = module.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] == top:
            message = f"{top} is not installed. Install it with: pip install 'sgnkit[{extra}]'"
            raise ImportError(message, name=top) from error
        raise ImportError(_broken(module, error), name=module) from error
    except Exception as error:  # a broken package may raise anything at import
        raise ImportError(_broken(module, error), name=module) from error


def _broken(module: str, error: Exception) -> str:
    return (
        f"{module} is installed but cannot be imported ({type(error).__name__}: {error}). "
        "Run: sgnkit doctor"
    )
