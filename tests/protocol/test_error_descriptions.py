"""RFC 6749 §4.1.2.1, §5.2, RFC 6750 §3: what a developer is told is printable ASCII without quote and backslash."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import idp.oidc

ROOM = Path(idp.oidc.__file__).parent
TELLS = re.compile(r"\w*Error|refuse|_?challenge")
"""Names of what is called with an error and its description."""

SAYABLE = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]*")


def _said() -> Iterator[tuple[str, str]]:
    """Give place and text of every literal, and of every piece of one, that an error is told with."""
    for path in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and TELLS.fullmatch(_called(node.func)):
                for inner in (*node.args, *(keyword.value for keyword in node.keywords)):
                    for piece in ast.walk(inner):
                        if isinstance(piece, ast.Constant) and isinstance(piece.value, str):
                            yield f"{path.relative_to(ROOM)}:{piece.lineno}", piece.value


def _called(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def test_no_literal_of_an_error_breaks_out_of_the_parameter() -> None:
    said = list(_said())
    assert len(said) > 60
    assert ("authorization/checks.py", "the scope must contain openid") in {
        (place.partition(":")[0], text) for place, text in said
    }
    assert [(place, text) for place, text in said if not SAYABLE.fullmatch(text)] == []
