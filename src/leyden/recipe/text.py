"""Nested tables as TOML text (the standard library reads TOML and does not write it)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["to_toml"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(tables: Mapping[str, Any]) -> str:
    """TOML text of a mapping; what is None is left out, since TOML has no word for it.

    Examples
    --------
    >>> print(to_toml({"seed": 0, "model": {"kind": "ridge", "alpha": 0.1}}), end="")
    seed = 0
    <BLANKLINE>
    [model]
    kind = "ridge"
    alpha = 0.1
    """
    return "\n".join(_lines(tables, ())).strip() + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    """Values first: in TOML whatever follows a header belongs to it."""
    present = {key: value for key, value in table.items() if value is not None}
    lines = [
        f"{_key(key)} = {_value(value)}" for key, value in present.items() if not _is_nested(value)
    ]
    for key, value in present.items():
        if not _is_nested(value):
            continue
        name = ".".join(_key(part) for part in (*path, key))
        tables = [value] if isinstance(value, Mapping) else value
        header = f"[{name}]" if isinstance(value, Mapping) else f"[[{name}]]"
        for child in tables:
            lines += ["", header, *_lines(child, (*path, key))]
    return lines


def _is_nested(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return len(value) > 0 and all(isinstance(item, Mapping) for item in value)
    return isinstance(value, Mapping)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    return repr(value)


def _text(text: str) -> str:
    """JSON escapes what TOML escapes, but for one character that TOML does not allow."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
