"""A password that somebody chooses: judged by the policy of their profile, told in words, and hashed."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _

from idp.accounts.passwords import Chooser, PasswordPolicy
from idp.clock import Clock
from idp.login.surroundings import Surroundings
from idp.pages import Problem
from idp.rules.passwords import Reason, Rule
from idp.settings import Settings

FIELD = "new_password"


def password_policy(settings: Settings) -> PasswordPolicy:
    """Return the policy that the settings name."""
    return PasswordPolicy(
        {name: profile.password for name, profile in settings.profiles.items()},
        {name: profile.mfa for name, profile in settings.profiles.items()},
        f"{settings.institution.name} {settings.institution.subtitle}",
    )


@dataclass(frozen=True)
class AskedFor:
    """What a password must be, before anybody types it."""

    hint: str
    digits: bool


@dataclass(frozen=True)
class NewPasswords:
    """What a page needs that takes a new password in the field ``new_password``."""

    policy: PasswordPolicy
    clock: Clock

    def asked(self, chooser: Chooser) -> AskedFor:
        """Return what the page says of the field."""
        rule = self.policy.rule(chooser, self.clock.now())
        if rule.kind == "digits":
            digits = _(
                "7 ou 8 chiffres, jamais trois fois le même de suite. Ni votre identifiant, ni une date de naissance, "
                "ni une suite comme 12345678."
            )
            return AskedFor(str(digits), digits=True)
        words = _(
            "Au moins %(num)d caractères : plusieurs mots à la suite conviennent très bien. Ni votre nom, ni votre "
            "identifiant, ni un mot de passe courant.",
            num=rule.minimum,
        )
        return AskedFor(str(words), digits=False)

    def problem(self, typed: str, chooser: Chooser) -> Problem | None:
        """Return why they may not choose it, or ``None``."""
        if not typed:
            return Problem(FIELD, str(_("Saisissez le nouveau mot de passe.")))
        now = self.clock.now()
        reason = self.policy.refusal(typed, chooser, now)
        return Problem(FIELD, _why(reason, self.policy.rule(chooser, now))) if reason else None


def new_passwords_of(around: Surroundings) -> NewPasswords:
    """Return what the rooms' pages need."""
    return NewPasswords(password_policy(around.settings), around.clock)


def _why(reason: Reason, rule: Rule) -> str:
    if rule.kind == "digits" and reason in (Reason.TOO_SHORT, Reason.TOO_LONG, Reason.NOT_DIGITS):
        return str(_("Le mot de passe doit avoir 7 ou 8 chiffres, sans espace ni lettre."))
    told = {
        Reason.TOO_SHORT: _("Il faut au moins %(num)d caractères.", num=rule.minimum),
        Reason.TOO_LONG: _("Il faut au plus %(num)d caractères.", num=rule.maximum),
        Reason.THREE_IN_A_ROW: _("Le même chiffre ne doit pas venir trois fois de suite."),
        Reason.PATTERN: _(
            "Cette répétition ou cette suite se devine trop vite. Choisissez un autre mot de passe."
        ),
        Reason.COMMON: _(
            "Ce mot de passe est trop courant : on l'essaie en premier. Choisissez-en un autre."
        ),
        Reason.PERSONAL: _(
            "Ce mot de passe reprend votre nom, votre identifiant ou ce que l'on sait de vous. "
            "Choisissez-en un autre."
        ),
    }
    return str(told[reason])
