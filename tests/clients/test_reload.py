"""A change of the client files counts without a restart: read whole, taken whole, or told and left as it was."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from idp.cli import main
from idp.clients.registry import ClientRegistry
from tests.clients.files import Files
from tests.provider import CLIENTS, Provider

LOG = "idp.clients.following"


@pytest.fixture
def files(provider: Provider) -> Files:
    """Give the files of a provider that has looked at them once."""
    made = Files(provider)
    made.touched(*map(made.path, CLIENTS))
    made.look()
    return made


def name_of(files: Files, client_id: str) -> str | None:
    client = files.provider.parts.clients.get(client_id)
    return client.name if client else None


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log said of the files since it was last asked."""
    lines = [record.getMessage() for record in caplog.records if record.name == LOG]
    caplog.clear()
    return lines


def test_what_was_written_a_while_ago_counts_at_the_first_look(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    files.write("newcomer", like="open", name="Nouveau")
    files.write("open", name="Autre nom")
    files.remove("plain")
    files.look()
    assert [name_of(files, one) for one in ("newcomer", "open", "plain")] == ["Nouveau", "Autre nom", None]
    assert said(caplog) == ["client files: taken: added newcomer; removed plain; changed open"]
    files.look()
    assert (said(caplog), files.readyz()) == ([], [])


def test_a_file_written_in_two_steps_counts_once_two_looks_found_it_the_same(files: Files) -> None:
    """The first step is a right file by itself, and a laxer one: it must never count."""
    whole = files.path("strict").read_text()
    assert json.loads(whole)["floor"] == "mfa"
    files.write("strict", floor=None, name="Écrit à moitié", just_now=True)
    for look, name in enumerate(("Service strict", "Service strict", "Écrit")):
        files.look()
        client = files.provider.parts.clients["strict"]
        assert (client.name, client.floor) == (name, "mfa")
        if look == 0:
            files.write("strict", floor="mfa", name="Écrit", just_now=True)


def test_files_of_a_machine_whose_clock_is_ahead_count_once_two_looks_found_them_the_same(
    files: Files,
) -> None:
    files.write("open", name="Nouveau")
    tomorrow = files.provider.clock.now().timestamp() + 86_400
    os.utime(files.path("open"), (tomorrow, tomorrow))
    for name in ("Service open", "Nouveau"):
        files.look()
        assert name_of(files, "open") == name


def test_a_file_that_an_editor_moves_away_and_writes_anew_is_never_gone(files: Files) -> None:
    text = files.remove("open", just_now=True)
    files.look()
    assert name_of(files, "open") == "Service open"
    files.write_text("open", text.replace("Service open", "Réécrit"), just_now=True)
    for name in ("Service open", "Réécrit"):
        files.look()
        assert name_of(files, "open") == name


def test_what_changes_while_it_is_read_is_not_taken(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    load = ClientRegistry.load

    def overtaken(*given: Any) -> ClientRegistry:
        monkeypatch.undo()
        files.write("open", name="Deuxième", just_now=True)
        return load(*given)

    files.write("open", name="Première")
    monkeypatch.setattr(ClientRegistry, "load", overtaken)
    for name in ("Service open", "Service open", "Deuxième"):
        files.look()
        assert name_of(files, "open") == name


def test_same_size_and_same_date_do_not_hide_a_change(files: Files) -> None:
    files.write("open", name="Nom premier")
    files.look()
    before = files.path("open").stat()
    files.write("open", name="Nom dernier")
    after = files.path("open").stat()
    os.utime(files.path("open"), ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (before.st_size, before.st_ino) == (after.st_size, after.st_ino)
    files.look()
    assert name_of(files, "open") == "Nom dernier"


def test_a_mounted_folder_that_swaps_its_files_by_one_link_is_followed(
    files: Files, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As Kubernetes does with a config map."""
    folder = files.folder
    old, new = folder / "..2026_01", folder / "..2026_02"
    for generation in (old, new):
        generation.mkdir()
        for path in tmp_path.glob("clients/*.yaml"):
            if not path.is_symlink():
                (generation / path.name).write_bytes(path.read_bytes())
    (new / "open.yaml").write_text((old / "open.yaml").read_text().replace("Service open", "Par un lien"))
    (folder / "..data").symlink_to(old.name)
    for path in list(folder.glob("*.yaml")):
        path.unlink()
        path.symlink_to(f"..data/{path.name}")
    for generation in (old, new):
        files.touched(*generation.iterdir())
    files.look()
    assert said(caplog) == ["client files: taken: the services are the same"]
    (folder / "..data_tmp").symlink_to(new.name)
    (folder / "..data_tmp").replace(folder / "..data")
    files.touched()
    files.look()
    assert said(caplog) == ["client files: taken: changed open"]
    assert name_of(files, "open") == "Par un lien"


@pytest.mark.attack(71)
def test_a_mistake_keeps_the_last_good_set_and_is_told_everywhere_until_it_is_mended(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "5d7f" * 16
    files.write("open", client_secret_sha256=[secret, "x" + secret], redirect_uris=["http://open.test/*"])
    files.write("newcomer", like="plain", zzz=secret)
    for _ in range(3):
        files.look()
    assert len(files.provider.parts.clients) == len(CLIENTS)
    assert name_of(files, "open") == "Service open"

    first, *lines = said(caplog)
    checked = CliRunner().invoke(main, ["config", "check"], env={"IDP_CONFIG": config(files)})
    assert (first, checked.exit_code) == (
        "client files: not taken, the last good ones go on serving:",
        1,
    )
    assert lines == checked.stderr.splitlines()
    keys = [line.removeprefix(f"{files.folder}/").split(": ")[:2] for line in lines]
    assert [(place.split(":")[0], key) for place, key in keys] == [
        ("newcomer.yaml", "zzz"),
        ("open.yaml", "redirect_uris[0]"),
        ("open.yaml", "client_secret_sha256[1]"),
    ]
    told = files.readyz()
    assert told == [first, *(line.removeprefix(f"{files.folder}/") for line in lines)]
    assert str(files.folder) not in "".join(told)
    assert secret not in "".join([*lines, *told])

    files.write("newcomer", like="plain")
    files.write("open", client_secret_sha256=secret, redirect_uris=["https://open.test/callback"])
    files.look()
    assert said(caplog) == ["client files: right again: added newcomer; changed open"]
    assert files.readyz() == []
    checked = CliRunner().invoke(main, ["config", "check"], env={"IDP_CONFIG": config(files)})
    assert checked.exit_code == 0


def config(files: Files) -> str:
    return str(files.folder.parent / "idp.yaml")


def test_a_hundred_mistakes_are_told_by_the_first_twenty(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    mistakes: dict[str, Any] = {f"zzz{number}": True for number in range(100)}
    files.write("open", **mistakes)
    files.look()
    lines, told = said(caplog), files.readyz()
    assert (len(lines), lines[-1]) == (22, "and 80 mistakes more, see `idp config check`")
    assert (len(told), told[-1]) == (22, "and 80 more")


@pytest.mark.parametrize(
    ("client_id", "changes", "place"),
    [
        ("portal", {"initiate_login_uri": None}, "idp.yaml"),
        ("portal", {"profiles": ["insured"]}, "idp.yaml"),
        ("plain", {"resource_identifier": "https://idp.test"}, "idp.yaml"),
        ("open", {"backchannel_logout_uri": "https://127.0.0.1/logout"}, "open.yaml"),
        ("machine", {"resources": ["https://nobody.test/api"]}, "machine.yaml"),
    ],
)
def test_whatever_stops_a_start_keeps_the_last_good_set(
    files: Files, client_id: str, changes: dict[str, Any], place: str
) -> None:
    before = files.provider.parts.clients[client_id]
    files.write(client_id, **changes)
    files.look()
    assert files.provider.parts.clients[client_id] is before
    assert [line.split(":")[0] for line in files.readyz()[1:]] == [place]


def test_a_folder_that_is_gone_stops_nobody_and_is_told(
    files: Files, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files.folder.rename(tmp_path / "away")
    for _ in range(2):
        files.look()
    assert said(caplog)[1:] == [
        f"{files.folder}:1:1: file: a readable folder of client files (No such file or directory)"
    ]
    assert len(files.provider.parts.clients) == len(CLIENTS)
    (tmp_path / "away").rename(files.folder)
    files.look()
    assert said(caplog) == ["client files: right again: the services are the same"]


def test_a_fault_of_the_reader_itself_stops_nobody_and_is_told(
    files: Files, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = " ".join(["something", "secret"])

    def broken(*_: object) -> ClientRegistry:
        raise RecursionError(secret)

    files.write("open", name="Nouveau")
    monkeypatch.setattr(ClientRegistry, "load", broken)
    files.look()
    assert files.readyz()[1:] == ["clients:1:1: file: files that can be read (RecursionError)"]
    assert secret not in "".join(said(caplog))


def test_the_folder_is_scanned_once_a_second_and_in_between_no_request_reads_a_file(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir
    scans: list[Path] = []

    def counted(path: Path) -> object:
        scans.append(path)
        return scandir(path)

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a file was looked at")

    for _ in range(3):
        with monkeypatch.context() as patched:
            patched.setattr(os, "scandir", counted)
            files.look()
        with monkeypatch.context() as patched:
            for module, name in ((os, "scandir"), (os, "stat"), (os, "listdir"), (os, "open")):
                patched.setattr(module, name, refused)
            for path in ["/.well-known/openid-configuration", "/oauth2/jwks", "/healthz"] * 20:
                files.provider.clock.advance(seconds=0.01)
                assert files.provider.http().get(path).status_code == 200
    assert scans == [files.folder] * 3


def test_a_clock_that_is_put_back_keeps_nobody_from_looking(files: Files) -> None:
    files.provider.clock.advance(seconds=-3600)
    files.write("open", name="Nouveau")
    files.look()
    assert name_of(files, "open") == "Nouveau"


def test_services_that_did_not_change_stay_the_same_objects(files: Files) -> None:
    before = {client.client_id: client for client in files.provider.parts.clients}
    files.write("open", name="Nouveau")
    files.look()
    changed = [one.client_id for one in files.provider.parts.clients if one is not before[one.client_id]]
    assert changed == ["open"]


def test_the_log_is_told_at_a_level_that_a_server_prints(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    files.write("open", name="Nouveau")
    files.look()
    files.write("open", zzz=True)
    files.look()
    levels = [record.levelno for record in caplog.records if record.name == LOG]
    assert levels == [logging.WARNING, logging.ERROR, logging.ERROR]
