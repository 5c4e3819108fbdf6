"""One provider for all clients of a file, people to sign in, and free addresses for the clients."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from idp.demo.browser import Browser
from tests.provider import Someone

NewPerson = Callable[..., Someone]


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture(scope="module")
def identifiers() -> Iterator[str]:
    return (str(number) for number in itertools.count(500_001))
