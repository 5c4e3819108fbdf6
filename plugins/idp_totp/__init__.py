"""The authenticator app: TOTP as Google and Microsoft Authenticator read it (RFC 6238, SHA-1, 6 digits, 30 s)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from datetime import datetime

import pyotp

from idp.plugins import Candidate
from idp.rules.person import Match
from idp.settings import Settings

STEP_SECONDS = 30
_CODE = re.compile(r"[0-9]{6}")
_DROPPED = re.compile(r"[ \-\u00a0\u202f\u2009]")
_MAX_TYPED = 24
_SECRET_CHARACTERS = 32
"""Base32 characters: 160 bits, as RFC 4226 §4 recommends."""


class TotpFactor:
    """Compares a code with every candidate at the current step and the one before."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.institution.name.replace(":", " ")
        self._places = settings.max_assistants + 1
        self._padding = Candidate("", pyotp.random_base32(_SECRET_CHARACTERS))

    def new_secret(self) -> str:
        """Return a fresh secret of 160 bits, in base32."""
        return pyotp.random_base32(_SECRET_CHARACTERS)

    def enrolment_uri(self, secret: str, account_label: str) -> str:
        """Return the ``otpauth`` address of a fresh secret, with the institution as issuer."""
        label = account_label.replace(":", " ")
        return pyotp.TOTP(secret).provisioning_uri(name=label, issuer_name=self._issuer)

    def normalised(self, typed: str) -> str | None:
        """Return six ASCII digits, blanks and hyphens dropped, or ``None``: then nothing is compared."""
        if len(typed) > _MAX_TYPED:
            return None
        code = _DROPPED.sub("", typed)
        return code if _CODE.fullmatch(code) else None

    def matches(self, candidates: Sequence[Candidate], code: str, now: datetime) -> frozenset[Match]:
        """Return every candidate that ``code`` fits now or one step earlier (RFC 6238 §5.2).

        As many secrets are computed as an account may have: time tells neither how many there are nor which fit.
        """
        step = int(now.timestamp()) // STEP_SECONDS
        padded = [*candidates, *[self._padding] * (self._places - len(candidates))]
        fitting = []
        for candidate in padded:
            totp = pyotp.TOTP(candidate.secret)
            for counter in (step, step - 1):
                if hmac.compare_digest(totp.generate_otp(counter), code):
                    fitting.append(Match(candidate.authenticator_id, counter))
        return frozenset(match for match in fitting if match.authenticator_id)
