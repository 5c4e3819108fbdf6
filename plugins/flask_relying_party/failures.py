"""What goes wrong on the way in, for a visitor: what happened, and how to start again."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from flask import request, url_for
from requests import RequestException

from flask_relying_party.addresses import this_address
from flask_relying_party.resuming import resumed_request

RETRY_AFTER_SECONDS = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Notice:
    status: int
    title: str
    text: str


_NOT_TRUSTED = _Notice(
    502,
    "La réponse du service d’identification a été refusée",
    "Le portail n’a pas pu vérifier cette identification. Rien n’a été ouvert ; vous pouvez recommencer.",
)
_PROVIDER_FAILED = _Notice(
    502,
    "L’identification n’a pas abouti",
    "Le service d’identification a répondu par une erreur. Vous pouvez recommencer.",
)
_NOTICES = {
    "access_denied": _Notice(
        403,
        "L’identification n’a pas abouti",
        "Elle a été annulée, ou l’accès à ce portail ne vous est pas ouvert.",
    ),
    "unmet_authentication_requirements": _Notice(
        403,
        "Une double authentification est nécessaire",
        "Ce portail demande une identification plus forte que celle qui a été faite.",
    ),
    "not_stepped_up": _Notice(
        403,
        "Une nouvelle identification est nécessaire",
        "Cette page demande une identification plus forte, ou plus récente, que celle qui a été faite.",
    ),
    "assistants_refused": _Notice(
        403,
        "Cette page est réservée au titulaire du compte",
        "Elle ne s’ouvre pas à une personne qui agit pour une autre.",
    ),
    "invalid_state": _Notice(
        400,
        "Cette identification n’est plus valable",
        "Elle a expiré, a déjà servi, ou a été commencée dans un autre navigateur.",
    ),
    "invalid_request": _Notice(400, "Demande incomplète ou modifiée", "Recommencez depuis le portail."),
    "invalid_issuer": _Notice(
        400,
        "Service d’identification inconnu",
        "Cette demande ne vient pas du service d’identification de ce portail.",
    ),
    "invalid_form": _Notice(
        400,
        "Ce formulaire n’est plus valable",
        "La page est restée ouverte trop longtemps. Revenez au portail et recommencez.",
    ),
    "session_ended": _Notice(
        403,
        "Cette session a été fermée",
        "Une déconnexion a eu lieu pendant cette identification. Vous pouvez recommencer.",
    ),
    "invalid_token": _NOT_TRUSTED,
    "invalid_response": _NOT_TRUSTED,
    "provider_unavailable": _Notice(
        503,
        "Le service d’identification ne répond pas",
        "Rien n’est perdu. Patientez quelques secondes, puis réessayez.",
    ),
    "storage_unavailable": _Notice(
        503,
        "Le portail est momentanément indisponible",
        "Patientez quelques secondes, puis réessayez.",
    ),
}


class SignInFailed(Exception):
    """Nobody is let in, or on. A portal may render it itself, by ``@app.errorhandler(SignInFailed)``.

    ``code`` says what happened: a name of RFC 6749 or OpenID Connect that the provider sent, or one of ours.
    ``status`` is the answer's, ``title`` and ``text`` tell a visitor in French. ``kept`` are the fields of a form
    that was not looked at yet (503): they may be sent again to where they were sent.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        notice = _NOTICES.get(code, _PROVIDER_FAILED)
        self.code = code
        self.status = notice.status
        self.title = notice.title
        self.text = notice.text
        self.kept: Sequence[tuple[str, str]] = ()

    @property
    def passes(self) -> bool:
        """Whether the same again may succeed in a moment."""
        return self.status == 503

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer."""
        return {"Retry-After": str(RETRY_AFTER_SECONDS)} if self.passes else {}

    @property
    def address(self) -> str:
        """The address that was asked, and to which what is ``kept`` may be sent again; needs the request."""
        return this_address()

    @property
    def retry(self) -> str:
        """The address of this portal where the visitor goes on; needs the request."""
        resumed = resumed_request()
        if self.passes and (resumed or request.method == "GET"):
            return resumed.address if resumed else this_address()
        return url_for("relying_party.login")


def provider_code(error: str) -> str:
    """Return the provider's error code as it may be shown: RFC 6749 names, nothing that a visitor made up."""
    return error if re.fullmatch(r"[a-z_]{1,50}", error) else "invalid_response"


@contextmanager
def told_as_failures() -> Iterator[None]:
    """Turn a provider that does not answer, and a file that cannot be used, into ``SignInFailed``."""
    try:
        yield
    except RequestException as error:
        # The exception's text may quote an address with its query; its type says enough.
        log.error("provider unavailable: %s", type(error).__name__)
        raise SignInFailed("provider_unavailable") from error
    except sqlite3.Error as error:
        log.error("storage unavailable: %s", error)
        raise SignInFailed("storage_unavailable") from error
