"""The attack table in ``tests/README.md``: number, attack, and the tests marked with it, read from the suite's files.

``python -m tests.attack_table`` prints it, with ``--write`` it goes into the README. The numbers are those of the
project's catalogue; one is never given to another attack.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from tests.generated_part import command

FOLDER = Path(__file__).parent
README = FOLDER / "README.md"
NAME = "attacks"

ATTACKS: Mapping[int, str] = {
    1: "a spent code in another session",
    2: "one code from many places at once",
    3: "an older time step after a newer one",
    4: "random codes by somebody who has the password",
    5: "a hundred guesses at once",
    6: "the same account written otherwise, or by another way in",
    7: "a code of foreign digits, of letters, of a megabyte",
    8: "a failure counter lost in a rollback or restart",
    9: "learning from the answer or its time why entry was refused",
    10: "locking the doctor out by failing on purpose",
    11: "stopping after the password",
    12: "changing factors with the password alone",
    13: "reloading, leaving or coming back to an activation",
    14: "a server whose clock is wrong",
    15: "a redirect address that almost fits",
    16: "a wrong request that redirects to a wrong address",
    17: "no redirect address; an answer that hides who sent it",
    18: "PKCE missing, plain, wrong or superfluous",
    19: "an authorization code raced, then replayed",
    20: "an authorization code stolen by another client, or too old",
    21: "a refresh token raced or replayed",
    22: "a refresh that asks for more",
    23: "somebody else's transaction",
    24: "login CSRF; a callback in another browser",
    25: "framing, injected script",
    26: "a redirect to elsewhere after sign-in",
    27: "a session id fixed beforehand",
    28: "a cookie from a sibling domain",
    29: "prompt, max_age or acr_values quietly ignored",
    30: "signing somebody out against their will",
    31: "a token after logout or revocation",
    32: "making the provider fetch an internal address",
    33: "a parameter given twice",
    34: "a token with no signature, the wrong kind, or a wrong hash",
    35: "a key of the attacker's in the token's header",
    36: "an unknown critical header",
    37: "a token that is costly to read",
    38: "one kind of token in the place of another",
    39: "an attribute with the name of a protocol claim",
    40: "gateway: a broken cookie or upstream",
    41: "gateway: identity headers from outside",
    42: "gateway: a forged path",
    43: "gateway: a host written otherwise",
    44: "gateway: request smuggling",
    45: "a hostile host name in links",
    46: "gateway: going round it",
    47: "two assistants with the same code",
    48: "doctor and assistant with the same code",
    49: "a delegation one second too early or too late",
    50: "a delegation that ends when the hour changes",
    51: "a delegation that ends in mid-session",
    52: "an assistant removed while signed in",
    53: "a removed assistant who still knows the password",
    54: "the assistants of a disabled doctor",
    55: "an assistant who manages",
    56: "adding an assistant without a fresh second factor",
    57: "the eleventh assistant, added many times at once",
    58: "guessing against many secrets",
    59: "an actor lost on the way",
    60: "an assistant who takes over the doctor's session",
    61: "a lost phone",
    62: "one assistant of two doctors",
    63: "an assistant at a service that does not allow any",
    64: "a cancelled call that gets another's answer",
    65: "a store that dies at the wrong moment",
    66: "an audit that cannot be written",
    67: "floods of parameters, headers, bodies",
    68: "keys rotated under load",
    69: "a stolen dump of the database",
    70: "secrets in logs",
    71: "a client file with a mistake",
    72: "a keypad's places used again",
    73: "the places pressed, replayed",
    74: "activation by somebody else first",
    75: "an activated account where the code is optional",
    76: "a password session when the day comes",
}


def marked() -> dict[int, dict[str, list[str]]]:
    """Return for each number the files with the names of their marked tests, both in order."""
    found: dict[int, dict[str, list[str]]] = {}
    for path in sorted(FOLDER.rglob("*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        for number, name in _marks(module, "the whole file"):
            names = found.setdefault(number, {}).setdefault(path.relative_to(FOLDER).as_posix(), [])
            if name not in names:
                names.append(name)
    return found


def table() -> str:
    """Return the table in Markdown, with every attack of the catalogue. Raises ``KeyError`` for an unknown number."""
    tests = marked()
    unknown = tests.keys() - ATTACKS.keys()
    if unknown:
        raise KeyError(f"marked, but not in the catalogue: {sorted(unknown)}")
    lines = ["| attack | what is tried | tests |", "| --- | --- | --- |"]
    lines += [
        f"| {number} | {attack} | {_cell(tests.get(number, {}))} |" for number, attack in ATTACKS.items()
    ]
    return "".join(f"{line}\n" for line in lines)


def _cell(tests: Mapping[str, list[str]]) -> str:
    cells = [f"[{file}]({file}): " + ", ".join(map(_words, names)) for file, names in tests.items()]
    return "<br>".join(cells) or "–"


def _words(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def _marks(node: ast.AST, owner: str) -> Iterator[tuple[int, str]]:
    """Yield each number marked in ``node`` with what bears it: a test, a class, or a name that it is assigned to."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and ast.unparse(child.func).endswith("mark.attack"):
            yield from ((ast.literal_eval(number), owner) for number in child.args)
        yield from _marks(child, _owner(child) or owner)


def _owner(node: ast.AST) -> str | None:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) != "pytestmark":
        return ast.unparse(node.targets[0]).partition(".")[0]
    return None


@click.command()
@click.option("--write", is_flag=True, help="Write it into the README.")
def main(*, write: bool) -> None:
    """Print the table of attacks and their tests."""
    command(README, NAME, table(), write=write)


if __name__ == "__main__":
    main()
