"""What cannot be read as files stops nobody, keeps the last good set, and is read once it can be."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from idp.cli import main
from idp.clients.following import AGAIN_AT_MOST
from tests.clients.files import Files
from tests.clients.test_reload import config, name_of, said
from tests.provider import CLIENTS, Provider


@pytest.fixture
def files(provider: Provider) -> Files:
    """Give the files of a provider that has looked at them once."""
    made = Files(provider)
    made.touched(*map(made.path, CLIENTS))
    made.look()
    return made


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting_and_is_told(files: Files) -> None:
    os.mkfifo(files.path("pipe"))
    os.mkfifo(files.folder.parent / "pipe")
    files.path("linked").symlink_to(files.folder.parent / "pipe")
    files.touched(files.path("pipe"), files.path("linked"))
    files.look()
    expected = [f"{name}.yaml:1:1: file: a regular file" for name in ("linked", "pipe")]
    assert files.readyz()[1:] == expected
    checked = CliRunner().invoke(main, ["config", "check"], env={"IDP_CONFIG": config(files)})
    assert checked.stderr.splitlines() == [f"{files.folder}/{line}" for line in expected]
    for name in ("pipe", "linked"):
        files.path(name).unlink()
    files.write("open", name="Nouveau")
    files.look()
    assert (name_of(files, "open"), files.readyz()) == ("Nouveau", [])


class Failing:
    """One of the files cannot be opened while ``error`` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: Exception | None = OSError(errno.EMFILE, "Too many open files")
        self.tries = 0
        opened = os.open

        def failing(path: Any, *given: Any, **more: Any) -> int:
            if str(path).endswith("open.yaml"):
                self.tries += 1
                if self.error is not None:
                    raise self.error
            return opened(path, *given, **more)

        monkeypatch.setattr(os, "open", failing)


@pytest.mark.attack(71)
@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "Too many open files"), RecursionError()], ids=repr)
def test_what_could_not_be_read_is_read_later_though_nothing_changed_and_told_once(
    files: Files, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failing = Failing(monkeypatch)
    failing.error = error
    files.write("open", name="Nouveau")
    for tries in (1, 2, 2, 3):
        files.look()
        assert (failing.tries, name_of(files, "open")) == (tries, "Service open")
    reason = (
        "a readable file (Too many open files)" if error.args else "files that can be read (RecursionError)"
    )
    assert [line for line in said(caplog) if reason in line] == [
        f"{place_of(files, error)}:1:1: file: {reason}"
    ]
    assert files.readyz()[1].endswith(reason)
    failing.error = OSError(errno.EIO, "Input/output error")
    files.provider.clock.advance(seconds=AGAIN_AT_MOST.total_seconds())
    files.look()
    assert sum("Input/output error" in line for line in said(caplog)) == 1
    failing.error = None
    files.provider.clock.advance(seconds=AGAIN_AT_MOST.total_seconds())
    files.look()
    assert (name_of(files, "open"), files.readyz()) == ("Nouveau", [])
    assert said(caplog) == ["client files: right again: changed open"]


def place_of(files: Files, error: Exception) -> Path:
    return files.path("open") if isinstance(error, OSError) else files.folder


def test_what_could_not_be_read_is_tried_once_a_minute_in_the_end_and_at_once_when_it_changes(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading many files takes its time: a right that lacks for a night must not cost it every second."""
    failing = Failing(monkeypatch)
    files.write("open", name="Nouveau")
    for _ in range(600):
        files.look()
    assert 10 < failing.tries < 20
    before = failing.tries
    files.write("open", name="Encore un autre")
    files.look()
    assert failing.tries == before + 1
    failing.error = None
    files.write("open", name="Service open")
    files.look()
    assert (name_of(files, "open"), files.readyz()) == ("Service open", [])


@pytest.mark.attack(71)
def test_a_folder_without_any_file_any_more_keeps_the_last_good_set_and_is_told(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    kept = {name: files.remove(name) for name in CLIENTS}
    for _ in range(3):
        files.look()
    expected = "clients:1:1: file: at least one client file, as before; a restart takes an empty folder"
    assert (len(files.provider.parts.clients), files.readyz()[1:]) == (len(CLIENTS), [expected])
    assert said(caplog)[1:] == [f"{files.folder.parent}/{expected}"]
    for name, text in kept.items():
        files.write_text(name, text)
    files.look()
    assert said(caplog) == ["client files: right again: the services are the same"]
    for name in list(CLIENTS)[1:]:
        files.remove(name)
    files.look()
    assert said(caplog)[0].startswith("client files: taken: removed ")
