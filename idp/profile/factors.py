"""The addresses of the holder's own second factor: their phone, and the codes in its place."""

from __future__ import annotations

from flask import Blueprint, Response, request

from idp.login.enrolment import enrolments_of
from idp.login.journey import Journey
from idp.login.kept import kept_of
from idp.login.surroundings import Surroundings
from idp.login.throttling import Throttle
from idp.profile.guard import Guard
from idp.profile.phone import PhonePage
from idp.profile.recovery import RecoveryCodesPage


def factors_blueprint(around: Surroundings, journey: Journey, guard: Guard) -> Blueprint:
    """Return the addresses ``/profile/phone`` and ``/profile/recovery-codes…``: all want both factors, recent."""
    phone = PhonePage(
        around.database,
        around.clock,
        around.keyring,
        around.plugins.possession,
        enrolments_of(around),
        Throttle(around.database, around.clock, journey.devices),
        around.outbox,
        around.pages,
    )
    institution = around.settings.institution.name
    codes = RecoveryCodesPage(
        around.database,
        around.clock,
        around.keyring,
        kept_of(around),
        around.outbox,
        around.pages,
        institution,
    )
    blueprint = Blueprint("factors", __name__, url_prefix="/profile")

    @blueprint.get("/phone", endpoint="phone")
    def show_phone() -> Response:
        return guard.both_factors(request, phone.show)

    @blueprint.post("/phone")
    def replace_phone() -> Response:
        return guard.both_factors(request, lambda visitor: phone.replace(request, visitor))

    @blueprint.get("/recovery-codes", endpoint="codes")
    def show_codes() -> Response:
        return guard.both_factors(request, codes.show)

    @blueprint.post("/recovery-codes")
    def renew_codes() -> Response:
        return guard.both_factors(request, lambda visitor: codes.renew(request, visitor))

    @blueprint.get("/recovery-codes/fresh", endpoint="fresh_codes")
    def show_fresh_codes() -> Response:
        return guard.both_factors(request, codes.fresh)

    @blueprint.post("/recovery-codes/fresh")
    def codes_seen() -> Response:
        return guard.both_factors(request, codes.seen)

    @blueprint.get("/recovery-codes/fresh.txt")
    def codes_file() -> Response:
        return guard.both_factors(request, codes.file)

    return blueprint
