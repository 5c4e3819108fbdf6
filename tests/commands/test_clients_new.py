"""`idp clients new`: a file that is right or none at all, a secret that is seen once, and the snippets."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from idp.cli import main
from idp.clients.registry import load_client
from idp.commands.clients_new.client_file import file_text, put
from idp.commands.clients_new.frameworks import FRAMEWORKS
from idp.commands.clients_new.questions import slug
from idp.resources import config_folder
from tests.commands.conftest import Idp
from tests.config.samples import CLIENT, DIGEST, SETTINGS

GIVEN = {
    "--name": "Mon service",
    "--framework": "other",
    "--address": "https://mine.example.org",
    "--profile": "insured",
}

New = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the clients' folder of a configuration; the verb needs no store."""
    (tmp_path / "idp.yaml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "portal.yaml").write_text(CLIENT, encoding="utf-8")
    return tmp_path / "clients"


@pytest.fixture
def idp(folder: Path) -> Idp:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, env={"IDP_CONFIG": str(folder.parent / "idp.yaml")})

    return run


@pytest.fixture
def new(idp: Idp) -> New:
    """Run the verb with what it needs, some of it changed; `None` leaves an option out."""

    def run(*more: str, client_id: str = "mine", **changes: str | None) -> Result:
        options = GIVEN | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
        flags = [word for name, value in options.items() if value is not None for word in (name, value)]
        return idp("clients", "new", client_id, *flags, *more)

    return run


def names(folder: Path) -> set[str]:
    """Return every file of the folder, hidden ones too."""
    return {path.name for path in folder.iterdir()}


def told(made: Result) -> dict[str, Any]:
    assert (made.exit_code, made.stderr) == (0, ""), made.output
    found: dict[str, Any] = json.loads(made.stdout)
    return found


def test_the_file_is_right_together_with_all_the_others(new: New, idp: Idp, folder: Path) -> None:
    answer = told(new("--json", "--scope", "practitioner", assistants="allowed", mfa="2026-03-01"))
    assert idp("config", "check").exit_code == 0
    client = load_client(folder / "mine.yaml", None)
    assert (client.name, client.assistants) == ("Mon service", "allowed")
    assert client.scope == {"openid", "profile", "practitioner"}
    assert client.model_dump(mode="json")["mfa"] == {"required_from": "2026-03-01"}
    assert client.redirect_uris == ("https://mine.example.org/callback",)
    assert client.client_secret_sha256 == (sha256(answer["client_secret"].encode()).hexdigest(),)
    assert answer["file"] == str(folder / "mine.yaml")


def test_what_is_not_said_is_the_safe_choice(new: New, folder: Path) -> None:
    told(new("--json"))
    client = load_client(folder / "mine.yaml", None)
    assert (client.assistants, client.pkce) == ("refused", "required")
    assert client.scope == {"openid", "profile"}
    assert client.model_dump(mode="json")["mfa"] == "required"


def test_the_file_has_the_schema_line_and_others_may_read_it(new: New, folder: Path) -> None:
    before = os.umask(0o077)
    try:
        told(new("--json"))
    finally:
        os.umask(before)
    file = folder / "mine.yaml"
    assert file.read_text().startswith("# yaml-language-server: $schema=../schemas/client.schema.json\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@pytest.mark.parametrize("framework", list(FRAMEWORKS))
def test_every_kind_of_service_gets_a_right_file_and_its_snippets(
    new: New, folder: Path, framework: str
) -> None:
    answer = told(new("--json", framework=framework))
    assert load_client(folder / "mine.yaml", None).client_id == "mine"
    assert [one["file"] for one in answer["snippets"]] == list(FRAMEWORKS[framework].snippets)
    for one in answer["snippets"]:
        assert one["text"].startswith(("#", "//", "What"))
        assert "[[" not in one["text"]
        assert "[%" not in one["text"]


@pytest.mark.parametrize(
    "framework", [name for name, one in FRAMEWORKS.items() if not (one.behind_gateway or one.settled)]
)
def test_another_redirect_address_stands_in_file_and_snippet(new: New, folder: Path, framework: str) -> None:
    address = "https://mine.example.org/auth/back"
    answer = told(new("--json", framework=framework, redirect_uri=address))
    assert load_client(folder / "mine.yaml", None).redirect_uris == (address,)
    assert "auth/back" in "".join(one["text"] for one in answer["snippets"])


def test_the_file_for_flask_relying_party_is_the_one_that_its_readme_promises(new: New, folder: Path) -> None:
    told(new("--json", framework="flask-relying-party"))
    client = load_client(folder / "mine.yaml", None)
    assert client.redirect_uris == ("https://mine.example.org/callback",)
    assert client.post_logout_redirect_uris == ("https://mine.example.org/goodbye",)
    assert client.initiate_login_uri == "https://mine.example.org/login"
    assert client.backchannel_logout_uri == "https://mine.example.org/backchannel-logout"
    assert client.token_endpoint_auth_method == "client_secret_basic"
    assert client.scope == {"openid", "profile", "offline_access"}


def test_no_template_is_left_without_a_framework() -> None:
    listed = {f"{name}/{file}.jinja" for name, one in FRAMEWORKS.items() for file in one.snippets}
    snippets = config_folder() / "snippets"
    assert {str(path.relative_to(snippets)) for path in snippets.rglob("*.jinja")} == listed


def test_without_a_terminal_everything_that_is_missing_is_said_at_once(idp: Idp, folder: Path) -> None:
    before = names(folder)
    made = idp("clients", "new", "mine", "--framework", "flask")
    assert (made.exit_code, made.stdout) == (2, "")
    assert made.stderr.splitlines()[-1] == (
        "Error: needed where nobody can be asked: --name, --address, --profile, --secret-file or --json"
    )
    assert names(folder) == before


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"client_id": "a/b"}, "CLIENT_ID: The service's identifier"),
        ({"client_id": "portal"}, "CLIENT_ID: another one, "),
        ({"name": "two\nlines"}, "--name: one line"),
        ({"address": "http://mine.example.org"}, "--address: https (http only on"),
        ({"address": "https://mine.example.org/app"}, "--address: an origin"),
        ({"address": "mine.example.org"}, "--address: an absolute address"),
        ({"mfa": "sometimes"}, "--mfa: optional, required, or"),
        ({"mfa": "2026-02-30"}, "--mfa: required_from: a day of the calendar"),
        ({"scope": "portrait"}, "--scope: a scope that is offered"),
        (
            {"redirect_uri": "https://elsewhere.example.org/x"},
            "--redirect-uri: an address of the service's own",
        ),
        ({"redirect_uri": "https://mine.example.org/*"}, "--redirect-uri: an exact address"),
        ({"public": "/static"}, "not for other: --public"),
        ({"framework": "nginx", "public": "/"}, "--public: other paths than /"),
        ({"framework": "nginx", "public": "static"}, "--public: a path as /one/two"),
        (
            {"framework": "nginx", "redirect_uri": "https://mine.example.org/x"},
            "not for nginx: --redirect-uri",
        ),
        (
            {"framework": "flask-relying-party", "redirect_uri": "https://mine.example.org/x"},
            "not for flask-relying-party: --redirect-uri",
        ),
        ({"framework": "caddy", "upstream": "here"}, "--upstream: HOST:PORT"),
    ],
)
def test_a_wrong_answer_is_said_by_its_option_and_leaves_no_file(
    new: New, folder: Path, changes: dict[str, str], expected: str
) -> None:
    before = names(folder)
    made = new("--json", **changes)
    assert (made.exit_code, made.stdout) == (2, "")
    assert made.stderr.partition("Error: ")[2].startswith(expected), made.stderr
    assert names(folder) == before


@pytest.mark.parametrize("framework", ["flask", "django", "express", "nginx"])
def test_refresh_tokens_are_refused_where_nothing_keeps_them_safely(new: New, framework: str) -> None:
    assert "not for " in new("--json", "--refresh-tokens", framework=framework).stderr


def test_a_mistake_in_another_file_is_said_with_its_place_and_leaves_no_file(new: New, folder: Path) -> None:
    (folder / "broken.yaml").write_text("client_id: other\n")
    before = names(folder)
    made = new("--json")
    assert (made.exit_code, made.stdout) == (1, "")
    assert f"{folder / 'broken.yaml'}:1:12: client_id: the name of the file without .yaml" in made.stderr
    assert names(folder) == before


def test_a_host_that_another_service_has_leaves_no_file(new: New, folder: Path) -> None:
    told(new("--json", client_id="first", framework="nginx"))
    before = names(folder)
    made = new("--json", framework="nginx")
    assert made.exit_code == 2
    assert "--address: a host name of its own, first has it already" in made.stderr
    assert names(folder) == before


def test_of_two_at_once_one_gets_the_name_and_its_file_is_whole(tmp_path: Path) -> None:
    together = Barrier(2)

    def one(text: str) -> bool:
        together.wait(timeout=10)
        try:
            put(tmp_path, "mine", text)
        except FileExistsError:
            return False
        return True

    texts = ["first: " + "x" * 100_000, "second: " + "y" * 100_000]
    with ThreadPoolExecutor() as pool:
        won = list(pool.map(one, texts))
    assert sorted(won) == [False, True]
    assert (tmp_path / "mine.yaml").read_text() == texts[won.index(True)]
    assert names(tmp_path) == {"mine.yaml"}


def test_a_file_that_is_there_is_never_written_over(new: New, folder: Path, tmp_path: Path) -> None:
    told(new("--json"))
    before = (folder / "mine.yaml").read_bytes()
    made = new("--secret-file", str(tmp_path / "secret"))
    assert made.exit_code == 2
    assert (folder / "mine.yaml").read_bytes() == before
    assert not (tmp_path / "secret").exists()


def test_the_secret_goes_into_a_file_for_its_owner_alone(new: New, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    made = new("--secret-file", str(file))
    assert made.exit_code == 0
    secret = file.read_text().removesuffix("\n")
    assert len(secret) >= 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret not in made.output
    assert load_client(folder / "mine.yaml", None).secret_matches(secret)


def test_a_secret_file_that_is_there_stops_before_anything_is_written(
    new: New, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("of another service")
    made = new("--secret-file", str(file))
    assert made.exit_code == 1
    assert "a file that can be made anew" in made.stderr
    assert (file.read_text(), (folder / "mine.yaml").exists()) == ("of another service", False)


def test_a_folder_that_cannot_be_written_to_leaves_no_secret(
    new: New, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    before = names(folder)
    made = new("--secret-file", str(tmp_path / "secret"))
    assert made.exit_code == 1
    assert "mine.yaml: not written (Operation not permitted)" in made.stderr
    assert (names(folder), (tmp_path / "secret").exists()) == (before, False)


def test_the_secret_stands_in_nothing_that_is_pasted_or_kept(new: New, folder: Path) -> None:
    answer = told(new("--json", framework="express"))
    for text in (answer["client_file"], *(one["text"] for one in answer["snippets"])):
        assert answer["client_secret"] not in text
    assert answer["client_secret"] not in (folder / "mine.yaml").read_text()


def test_a_dry_run_shows_the_file_and_keeps_nothing(new: New, folder: Path, tmp_path: Path) -> None:
    before = names(folder)
    made = new("--dry-run", "--secret-file", str(tmp_path / "secret"), framework="flask")
    assert made.exit_code == 0
    assert "client_id: mine\n" in made.stdout
    assert "from authlib.integrations.flask_client import OAuth" in made.stdout
    assert "nothing is written" in made.stderr
    answer = told(new("--dry-run", "--json"))
    assert (answer["written"], answer["client_secret"]) == (False, None)
    assert (names(folder), (tmp_path / "secret").exists()) == (before, False)


def test_what_is_pasted_is_alone_on_stdout(new: New, tmp_path: Path) -> None:
    made = new("--secret-file", str(tmp_path / "secret"), framework="django")
    dry = told(new("--dry-run", "--json", client_id="other", framework="django"))
    pasted = "\n".join(one["text"] for one in dry["snippets"]).replace("other", "mine")
    assert made.stdout.replace("\n\n", "\n").strip() == pasted.replace("\n\n", "\n").strip()
    assert "idp clients try mine" in made.stderr


def test_what_cannot_work_yet_is_said(new: New, tmp_path: Path) -> None:
    made = new("--secret-file", str(tmp_path / "s"), framework="express", address="http://127.0.0.1:3000")
    assert "no backchannel_logout_uri" in made.stderr
    assert "gateway.proxy_secret_file" in new("--dry-run", client_id="portail", framework="nginx").stderr
    known = told(new("--json", client_id="reachable", framework="express"))
    assert known["notes"] == []
    assert known["backchannel_logout_uri"] == "https://mine.example.org/backchannel-logout"


@given(name=st.text(min_size=1, max_size=80).filter(lambda text: text.isprintable() and text == text.strip()))
def test_any_name_comes_back_from_the_file_as_it_was(name: str) -> None:
    draft = {
        "client_id": "mine",
        "name": name,
        "redirect_uris": ["https://mine.example.org/callback"],
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret_sha256": DIGEST,
        "scope": ["openid"],
        "profiles": ["insured"],
    }
    assert YAML(typ="safe").load(file_text("a test", draft)) == draft


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Feuille de soins", "feuille-de-soins"),
        ("Retraite : dépôt n° 2", "retraite-depot-n-2"),
        ("日本", None),
    ],
)
def test_a_name_suggests_an_identifier(name: str, expected: str | None) -> None:
    assert slug(name) == expected


def on_a_terminal(folder: Path, typed: str) -> tuple[int, str]:
    """Run the verb on a terminal with nothing said; return its end and all that was on the screen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "idp"), "clients", "new"],
        env={**os.environ, "IDP_CONFIG": str(folder.parent / "idp.yaml"), "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    screen = b""
    try:
        while part := os.read(ours, 65536):
            screen += part
    except OSError:
        pass  # Linux's way to say that the other end is closed
    finally:
        os.close(ours)
    return process.wait(timeout=30), screen.decode().replace("\r\n", "\n")


def test_on_a_terminal_it_asks_and_judges_each_answer_at_once(folder: Path) -> None:
    typed = (
        "Dépôt de pièces\n"
        "portal\n\n"  # taken, then the suggestion
        "rails\nflask\n"  # unknown
        "http://depot.example.org\nhttps://depot.example.org/\n"  # not https
        "doctors\ninsured, employer\n"  # unknown
        "perhaps\n\n"  # no policy
        "allowed\n"
    )
    code, screen = on_a_terminal(folder, typed)
    assert code == 0, screen
    assert screen.count("Error: ") == 5
    client = load_client(folder / "depot-de-pieces.yaml", None)
    assert (client.name, client.assistants) == ("Dépôt de pièces", "allowed")
    assert client.profiles == {"insured", "employer"}
    assert client.redirect_uris == ("https://depot.example.org/callback",)
    shown = screen.partition("shown this once")[2].splitlines()[1].strip()
    assert client.secret_matches(shown)
    assert screen.count(shown) == 1


def test_on_a_terminal_a_service_behind_the_gateway_is_asked_for_its_open_paths(folder: Path) -> None:
    typed = "Ancien portail\n\nnginx\nhttps://portail.example.org\n\n\n\nstatic\n/static, /aide\n\n"
    code, screen = on_a_terminal(folder, typed)
    assert code == 0, screen
    written = YAML(typ="safe").load((folder / "ancien-portail.yaml").read_text())
    assert written["gateway"] == {
        "https://portail.example.org": {"/": {}, "/static": "public", "/aide": "public"}
    }
    assert "shown this once" not in screen


def test_who_leaves_in_the_middle_leaves_nothing_behind(folder: Path) -> None:
    before = names(folder)
    code, screen = on_a_terminal(folder, "Mon service\n\nflask\n\x04")
    assert code != 0
    assert "Aborted" in screen
    assert names(folder) == before
