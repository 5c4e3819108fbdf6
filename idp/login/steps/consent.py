"""Consent: who asks, what they will be told, *Accepter* or *Refuser*. The last page before the service."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Request, Response, url_for
from flask_babel import gettext as _

from idp.accounts.party import Party
from idp.login.destination import ApiAccess, Disclosure
from idp.login.journey import Journey
from idp.login.position import Position
from idp.pages import Pages
from idp.rules.delegation import MANAGE_SCOPE


@dataclass(frozen=True)
class ConsentStep:
    """Asks the person who is there, and nobody in their place."""

    journey: Journey
    pages: Pages

    def show(self, request: Request, position: Position) -> Response:
        """Return the page."""
        del request
        party, told = _asking(position)
        transaction = position.transaction
        return self.pages.render(
            "consent.html",
            form_action=position.destination.form_action(transaction.request),
            service=position.destination.service(transaction.request),
            name=party.account.name,
            acting_for=party.account.name if party.actor else None,
            told=in_words(told, party.actor.name if party.actor else None),
            asked=position.shown_to(party),
            switch_url=url_for("signin.switch", transaction_id=transaction.id),
        )

    def post(self, request: Request, position: Position) -> Response:
        """Take the answer of whom the page was shown to; anybody else who is signed in by now is asked in turn."""
        party, told = _asking(position)
        if not hmac.compare_digest(request.form.get("asked", "").encode(), position.shown_to(party).encode()):
            return self.show(request, position)
        if "cancel" in request.form:
            self.journey.agreements.refuse(party, told)
            return self.journey.cancel(position)
        self.journey.agreements.give(party, told)
        return self.journey.agree(request, position)


def in_words(told: Disclosure, assistant: str | None) -> list[str]:
    """Return what a service is told, a line each: that somebody is there first, that it holds for later last.

    ``assistant`` is the name of who acts, which the service is told in any case.
    """
    scopes, claims = _scopes(), _claims()
    of_apis = {word for api in told.apis for word in api.scope} - scopes.keys()
    lines = [
        scopes.get(name) or str(_("l'accès « %(name)s »", name=name))
        for name in sorted(told.scope, key=lambda name: name != "openid")
        if name != "offline_access" and name not in of_apis
    ]
    lines += [claims.get(name) or str(_("l'information « %(name)s »", name=name)) for name in told.claims]
    lines += [_access(api) for api in told.apis]
    if assistant is not None:
        lines.append(str(_("votre nom, %(name)s, comme assistant(e)", name=assistant)))
    if "offline_access" in told.scope:
        lines.append(str(_("tout cela aussi en votre absence, jusqu'à votre déconnexion")))
    return list(dict.fromkeys(lines))


def _access(api: ApiAccess) -> str:
    service, words = _(api.service), ", ".join(api.scope)
    if not words:
        return str(_("l'accès au service « %(service)s »", service=service))
    return str(_("l'accès au service « %(service)s » : %(words)s", service=service, words=words))


def _asking(position: Position) -> tuple[Party, Disclosure]:
    """Return who is asked, and about what: what they are shown is what they agree to."""
    told = position.destination.disclosure(position.transaction.request)
    # The rules ask only who would else be let in, and only where somebody else is told.
    assert position.party is not None
    assert told is not None
    return position.party, told.by(position.party)


def _scopes() -> Mapping[str, str]:
    return {
        "openid": _("un identifiant qui ne change pas, et comment vous vous êtes identifié"),
        "profile": _("l'identité : nom, prénoms, sexe, date de naissance, langue"),
        "email": _("l'adresse e-mail"),
        "phone": _("le numéro de téléphone"),
        "address": _("l'adresse postale"),
        MANAGE_SCOPE: _(
            "votre liste d'assistants : la voir, changer une date de fin, supprimer, préparer un ajout"
        ),
        "practitioner": _("les numéros de praticien : matricule CSM et ADELI"),
    }


def _claims() -> Mapping[str, str]:
    return {
        "name": _("le nom et le prénom"),
        "family_name": _("le nom"),
        "given_name": _("le prénom"),
        "middle_name": _("les autres prénoms"),
        "nickname": _("le surnom"),
        "preferred_username": _("le nom d'utilisateur"),
        "profile": _("l'adresse de la page personnelle"),
        "picture": _("la photo"),
        "website": _("le site web"),
        "gender": _("le sexe"),
        "birthdate": _("la date de naissance"),
        "zoneinfo": _("le fuseau horaire"),
        "locale": _("la langue"),
        "updated_at": _("la date de la dernière mise à jour"),
        "email": _("l'adresse e-mail"),
        "email_verified": _("si l'adresse e-mail est vérifiée"),
        "phone_number": _("le numéro de téléphone"),
        "phone_number_verified": _("si le numéro de téléphone est vérifié"),
        "address": _("l'adresse postale"),
        "matricule_csm": _("le matricule praticien CSM"),
        "adeli": _("le numéro ADELI"),
    }
