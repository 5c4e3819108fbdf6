"""`idp demo --json`: the one line of the contract, what answers behind it, how it ends, and what stays."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
import requests
from argon2 import PasswordHasher
from sqlalchemy import select, update

from idp.demo.people import PEOPLE
from idp.demo.world import open_world
from idp.rules.passwords import refused, rule_of
from idp.storage.schema import account
from tests.demo_process import DemoProcess, processes_of, run, running_demo
from tests.waiting import wait_until

pytestmark = pytest.mark.server

STANDARD_CLAIMS = {
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
}


def test_the_line_has_the_keys_people_and_clients_of_the_contract(kept: DemoProcess) -> None:
    told = kept.told
    assert set(told) == {"issuer", "portal", "profile", "legacy", "accounts", "clients"}
    assert told["profile"].startswith(f"{kept.issuer}/")
    people = {"role", "name", "identifier", "password", "mfa", "totp_secret"}
    assert all(set(one) == people for one in told["accounts"])
    assert all((one["totp_secret"] is not None) == one["mfa"] for one in told["accounts"])
    doctor = kept.person("practitioner", mfa=True)
    assistant = kept.person("assistant", mfa=True)
    assert (assistant["identifier"], assistant["password"]) == (doctor["identifier"], doctor["password"])
    assert assistant["totp_secret"] != doctor["totp_secret"]
    assert kept.person("practitioner", mfa=False)
    assert kept.person("insured", mfa=False)
    passwords = [one["password"] for one in told["accounts"] if one["role"] != "assistant"]
    assert len(set(passwords)) == len(passwords)


def test_there_is_a_confidential_and_a_public_client_and_the_portals_own(kept: DemoProcess) -> None:
    keys = {
        "client_id",
        "client_secret",
        "token_endpoint_auth_method",
        "redirect_uris",
        "post_logout_redirect_uris",
        "id_token_signed_response_alg",
        "scope",
        "floor",
        "assistants",
    }
    clients = {client["client_id"]: client for client in kept.told["clients"]}
    assert all(set(client) == keys for client in clients.values())
    everything = {"openid", "profile", "email", "phone", "address", "offline_access"}
    open_ones = [
        client
        for client in clients.values()
        if client["floor"] == "pwd" and client["assistants"] and everything <= set(client["scope"].split())
    ]
    assert any(client["client_secret"] for client in open_ones)
    public = next(client for client in open_ones if client["token_endpoint_auth_method"] == "none")
    assert public["client_secret"] is None
    assert all(uri.startswith("http://127.0.0.1:") for client in open_ones for uri in client["redirect_uris"])
    assert all(client["id_token_signed_response_alg"] == "RS256" for client in open_ones)
    assert {client["id_token_signed_response_alg"] for client in clients.values()} == {"RS256", "ES256"}
    leaving = [uri for client in clients.values() for uri in client["post_logout_redirect_uris"]]
    assert len(leaving) == len(clients)
    assert all(uri.startswith("http://127.0.0.1:") for uri in leaving)
    assert f"{kept.portal}/callback" in clients["fse-portal"]["redirect_uris"]
    assert not all(client["assistants"] for client in clients.values())


def test_both_answer_once_the_line_is_there_and_home_pages_lead_on(kept: DemoProcess) -> None:
    discovery = requests.get(f"{kept.issuer}/.well-known/openid-configuration", timeout=10).json()
    assert discovery["issuer"] == kept.issuer
    assert "home-form" in requests.get(f"{kept.issuer}/", timeout=10).text
    assert "/login" in requests.get(f"{kept.portal}/", timeout=10).text


def test_the_insured_person_has_every_standard_claim(kept: DemoProcess) -> None:
    seed = next(seed for seed in PEOPLE if seed.identifier == kept.person("insured", mfa=False)["identifier"])
    assert {*seed.attributes, "name", "updated_at"} >= STANDARD_CLAIMS


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_both_with_nothing_more_on_stdout(demo: DemoProcess, sign: signal.Signals) -> None:
    assert processes_of(demo.folder)
    assert demo.stop(sign) == (0, "", "")
    assert not processes_of(demo.folder)
    assert not [port for port in demo.ports if not _free(port)]


def test_an_impatient_second_signal_leaves_no_process_behind(demo: DemoProcess) -> None:
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        demo.process.send_signal(sign)
    assert demo.stop(signal.SIGINT)[0] == 0
    assert not processes_of(demo.folder)


def test_servers_end_with_a_demo_that_was_killed(demo: DemoProcess) -> None:
    demo.process.kill()
    demo.process.wait()
    wait_until(lambda: not processes_of(demo.folder), "the servers end")


def test_a_server_that_dies_ends_the_demo_saying_so(demo: DemoProcess) -> None:
    portal = next(
        int(file.parent.name)
        for file in Path("/proc").glob("[0-9]*/environ")
        if _holds(file, f"FSE_PORTAL_DATABASE={demo.folder}") and _parent(file) == demo.process.pid
    )
    os.kill(portal, signal.SIGKILL)
    _, words = demo.process.communicate(timeout=30)
    assert demo.process.returncode == 1
    assert words.startswith("the portal ended with exit code -9")
    assert words.count("\n") == 1
    wait_until(lambda: not processes_of(demo.folder), "the workers of the portal end")


def test_a_restart_keeps_people_passwords_phones_and_secrets_while_addresses_follow(tmp_path: Path) -> None:
    with running_demo(tmp_path) as first:
        pass
    with running_demo(tmp_path) as again:
        assert again.told["accounts"] == first.told["accounts"]
        assert again.issuer != first.issuer
        moved = {"redirect_uris": None, "post_logout_redirect_uris": None}
        kept = [{**client, **moved} for client in again.told["clients"]]
        assert kept == [{**client, **moved} for client in first.told["clients"]]
        assert first.portal not in str(again.told)


def test_the_passwords_are_digits_that_the_funds_allow(kept: DemoProcess) -> None:
    rule = rule_of("digits", two_factors=False)
    for one in kept.told["accounts"]:
        assert len(one["password"]) == 8
        assert refused(one["password"], rule, lambda _: False, ()) is None


def test_a_folder_from_before_the_pepper_goes_on_and_its_passwords_are_peppered_at_their_next_use(
    tmp_path: Path,
) -> None:
    world = open_world(tmp_path, 5090, 5091, None)
    (tmp_path / "pepper").unlink()
    with world.parts.database.write() as connection:
        for seed in PEOPLE:
            plain = PasswordHasher(1, 7168, 1).hash(world.secrets[seed.identifier])
            one = account.c.identifier == seed.identifier
            connection.execute(update(account).where(one).values(password=plain))
    world.parts.database.dispose()
    done = run("--check", "--data", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "pepper").stat().st_mode & 0o077 == 0
    with world.parts.database.read() as connection:
        rows = connection.execute(select(account.c.identifier, account.c.password)).all()
        kept = {row.identifier: row.password for row in rows}
    world.parts.database.dispose()
    assert [kept[identifier].startswith("$pepper=demo$argon2id$") for identifier in ("608349", "408461")] == [
        True
    ] * 2
    assert kept["730215"].startswith("$argon2id$")


def test_what_is_secret_in_the_folder_is_for_its_owner_alone_and_no_log_tells_it(kept: DemoProcess) -> None:
    assert kept.folder.stat().st_mode & 0o077 == 0
    for name in ("keyring", "pepper", "secrets.json", "portal.sqlite"):
        assert (kept.folder / name).stat().st_mode & 0o077 == 0
    logs = "".join(file.read_text() for file in kept.folder.glob("*.log"))
    assert logs
    assert not [one for one in kept.told["accounts"] if one["password"] in logs]


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _holds(file: Path, text: str) -> bool:
    try:
        return text.encode() in file.read_bytes()
    except OSError:
        return False


def _parent(environ: Path) -> int:
    return int(environ.with_name("stat").read_text().rpartition(")")[2].split()[1])
