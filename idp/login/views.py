"""The addresses of a sign-in. Each page posts to itself and the journey answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from flask import Blueprint, Request, Response, request, url_for
from flask_babel import gettext as _

from idp.login import way_back
from idp.login.journey import Journey
from idp.login.position import NoTransaction, Position
from idp.login.services import Services
from idp.login.steps.recovery_codes import RecoveryCodesStep
from idp.pages import Pages
from idp.rules.next_step import Step


class StepPage(Protocol):
    """One page of a sign-in."""

    def show(self, request: Request, position: Position) -> Response:
        """Answer GET."""
        ...

    def post(self, request: Request, position: Position) -> Response:
        """Answer POST."""
        ...


@dataclass(frozen=True)
class RefusedStep:
    """Tells who may not go on, and why; leaves by changing user or by going back to the service."""

    journey: Journey
    pages: Pages

    def show(self, request: Request, position: Position) -> Response:
        """Return the page with status 403."""
        del request
        party = position.party
        name = (party.actor.name if party.actor else party.account.name) if party else ""
        return self.pages.render(
            "refused.html",
            status=403,
            form_action=position.destination.form_action(position.transaction.request),
            reason="assistant" if position.step is Step.ASSISTANT_REFUSED else "profile",
            service=position.destination.service(position.transaction.request),
            name=name,
            acting_for=party.account.name if party and party.actor else None,
            switch_url=url_for("signin.switch", transaction_id=position.transaction.id),
        )

    def post(self, request: Request, position: Position) -> Response:
        """Go back to the service without anybody."""
        del request
        return self.journey.cancel(position)


def signin_blueprint(
    journey: Journey,
    steps: Mapping[str, StepPage],
    lost_phone: StepPage,
    codes: RecoveryCodesStep,
    services: Services,
    pages: Pages,
) -> Blueprint:
    """Return the addresses ``/signin/…``; ``steps`` maps a page's name to its page.

    ``lost_phone`` is no step: it stands beside the code page, for whoever cannot show a code.
    """
    blueprint = Blueprint("signin", __name__, url_prefix="/signin")

    def page(name: str, transaction_id: str) -> Response:
        position = journey.find(request, transaction_id)
        if _page_of(position.step) != name:
            return journey.proceed(request, transaction_id)
        step = steps[name]
        return step.post(request, position) if request.method == "POST" else step.show(request, position)

    for name in steps:
        blueprint.add_url_rule(
            f"/<transaction_id>/{name}", name, page, defaults={"name": name}, methods=["GET", "POST"]
        )

    _add_recovery(blueprint, journey, lost_phone, codes)

    @blueprint.post("/<transaction_id>/switch")
    def switch(transaction_id: str) -> Response:
        return journey.switch(journey.find(request, transaction_id))

    @blueprint.app_errorhandler(NoTransaction)
    def no_transaction(error: NoTransaction) -> Response:
        del error
        title = _("Cette page n'est plus valable")
        client_id = way_back.service_of((request.view_args or {}).get("transaction_id", ""))
        found = services.named(client_id) if client_id is not None else None
        if found is not None:
            service, address = found
            text = _("Elle a expiré ou a déjà servi. Recommencez depuis le service.")
            label = _("Revenir à : %(service)s", service=service)
            return pages.error(400, "expired", title, text, action_url=address, action_label=label)
        return pages.error(
            400,
            "expired",
            title,
            _("Elle a expiré, a déjà servi ou vient d'un autre navigateur. Recommencez depuis l'accueil."),
            action_url=url_for("home.home"),
            action_label=_("Recommencer"),
        )

    return blueprint


def _add_recovery(
    blueprint: Blueprint, journey: Journey, lost_phone: StepPage, codes: RecoveryCodesStep
) -> None:
    @blueprint.route("/<transaction_id>/lost-phone", methods=["GET", "POST"], endpoint="lost_phone")
    def other_way(transaction_id: str) -> Response:
        position = journey.find(request, transaction_id)
        if not position.may_recover:
            return journey.proceed(request, transaction_id)
        answer = lost_phone.post if request.method == "POST" else lost_phone.show
        return answer(request, position)

    @blueprint.get("/<transaction_id>/recovery-codes.txt")
    def recovery_codes_file(transaction_id: str) -> Response:
        position = journey.find(request, transaction_id)
        if position.step is not Step.RECOVERY_CODES:
            return journey.proceed(request, transaction_id)
        return codes.file(request, position)


def _page_of(step: Step) -> str:
    return "refused" if step in (Step.PROFILE_REFUSED, Step.ASSISTANT_REFUSED) else step.value
