"""YAML files with places: what is let in, and where an error stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from idp.configuration import ConfigurationError, ConfigurationErrors, read_document
from tests.config.samples import lines_of


def data_of(text: str, tmp_path: Path) -> object:
    file = tmp_path / "file.yaml"
    file.write_text(text, encoding="utf-8")
    return read_document(file).data


def test_values_are_read_as_yaml_1_2_says(tmp_path: Path) -> None:
    words = "switch: on\nanswer: no\nyes: 1\nday: 2026-03-01\nclock: 1:30\n"
    others = "empty:\nflag: true\nratio: 0.5\nlist: [1, '2']\n"
    assert data_of(words + others, tmp_path) == {
        "switch": "on",
        "answer": "no",
        "yes": 1,
        "day": "2026-03-01",
        "clock": "1:30",
        "empty": None,
        "flag": True,
        "ratio": 0.5,
        "list": [1, "2"],
    }


def test_a_byte_order_mark_does_not_count(tmp_path: Path) -> None:
    assert data_of("\ufeffkey: value\n", tmp_path) == {"key": "value"}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "file.yaml:1:1: file: keys with values, `key: value`"),
        (b"# only a comment\n", "file.yaml:1:1: file: keys with values, `key: value`"),
        (b"# a list\n- one\n", "file.yaml:2:1: file: keys with values, `key: value`"),
        (b"only text\n", "file.yaml:1:1: file: keys with values, `key: value`"),
        (b"key: value\nname: caf\xe9\n", "file.yaml:2:10: file: text in UTF-8"),
        ("key: é".encode("utf-16"), "file.yaml:1:1: file: text in UTF-8"),
        (b"key: a\nname: \x07\n", "file.yaml:2:7: file: text without control characters"),
        (b"#" * (256 * 1024 + 1), "file.yaml:1:1: file: at most 256 KiB"),
        (b"key: " + b"[" * 2000, "file.yaml:1:15: file: at most 10 levels"),
        (b"a: &x [1]\nb: *x\n", "file.yaml:1:4: file: no & anchor and no * alias: write the value out"),
        (b"a: !!python/object:os.system x\n", "file.yaml:1:4: file: no ! tag"),
        (b"%YAML 1.1\n---\na: on\n", "file.yaml:2:1: file: no % directive"),
        (b"a: b: c\n", "file.yaml:1:5: file: valid YAML (mapping values are not allowed here)"),
        (b"a: 1\n---\nb: 2\n", "file.yaml:2:1: file: valid YAML (but found another document)"),
        (b'a: "\\UFFFFFFFF"\n', "file.yaml:1:1: file: valid YAML 1.2"),
    ],
    ids=lambda value: None,
)
def test_a_file_that_is_no_plain_mapping_is_refused_with_its_place(
    content: bytes, line: str, tmp_path: Path
) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes(content)
    assert lines_of(lambda: read_document(file), tmp_path) == [line]


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    lines = lines_of(lambda: read_document(tmp_path / "none.yaml"), tmp_path)
    assert lines == ["none.yaml:1:1: file: a readable file (No such file or directory)"]


@pytest.mark.parametrize("device", [False, True])
def test_what_is_no_file_keeps_nobody_waiting(device: bool, tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    if device:
        path.symlink_to("/dev/zero")
    else:
        os.mkfifo(path)
    assert lines_of(lambda: read_document(path), tmp_path) == ["file.yaml:1:1: file: a regular file"]


def test_an_error_is_one_line_whatever_it_holds() -> None:
    error = ConfigurationError("a\nb", 1, 2, "key\r\u2028", "what\tis \udcff expected")
    assert str(error) == "a\\nb:1:2: key\\r\\u2028: what\\tis \\udcff expected"


def test_several_errors_are_sorted_by_path_and_place() -> None:
    errors = [ConfigurationError(path, line, 1, "key", "x") for path, line in (("b", 1), ("a", 10), ("a", 9))]
    assert str(ConfigurationErrors(errors)) == "a:9:1: key: x\na:10:1: key: x\nb:1:1: key: x"
