"""The login room: the journey with its steps, and the addresses that lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from flask import Blueprint

from idp.login.agreements import Agreements
from idp.login.destination import Destination
from idp.login.devices import KnownDevices
from idp.login.enrolment import enrolments_of
from idp.login.forgotten import forgotten_addresses
from idp.login.home import home_blueprint
from idp.login.journey import Journey
from idp.login.kept import kept_of
from idp.login.link_codes import link_codes_of
from idp.login.linking import linking_blueprint
from idp.login.new_password import new_passwords_of
from idp.login.services import Services
from idp.login.session import SessionStore, lifetimes_of
from idp.login.steps.activation import ActivationStep
from idp.login.steps.choice import ChoiceStep
from idp.login.steps.code import CodeStep
from idp.login.steps.consent import ConsentStep
from idp.login.steps.identification import IdentificationStep
from idp.login.steps.recovery import LostPhonePage
from idp.login.steps.recovery_codes import FreshCodes, RecoveryCodesStep
from idp.login.steps.rekey import RekeyStep
from idp.login.steps.selection import Selection
from idp.login.surroundings import Surroundings
from idp.login.throttling import Throttle
from idp.login.tickets import Tickets
from idp.login.transaction import TransactionStore
from idp.login.views import RefusedStep, StepPage, signin_blueprint
from idp.login.visitors import Visitors


def visitors_of(around: Surroundings) -> Visitors:
    """Return what finds, opens and ends single sign-on sessions."""
    sessions = SessionStore(around.ephemeral, around.clock, lifetimes_of(around.settings))
    return Visitors(around.database, around.clock, sessions, around.cookies)


def devices_of(around: Surroundings) -> KnownDevices:
    """Return what knows browsers again."""
    return KnownDevices(around.database, around.clock, around.cookies, around.keyring, around.outbox)


def throttle_of(around: Surroundings) -> Throttle:
    """Return what counts attempts."""
    return Throttle(around.database, around.clock, devices_of(around))


def journey_of(around: Surroundings, visitors: Visitors, destinations: Mapping[str, Destination]) -> Journey:
    """Return the dispatcher."""
    settings = around.settings
    return Journey(
        around.database,
        around.clock,
        TransactionStore(around.ephemeral, around.clock, timedelta(seconds=settings.transaction_lifetime)),
        visitors,
        around.cookies,
        devices_of(around),
        Agreements(around.database, around.clock),
        destinations,
        {name: profile.mfa for name, profile in settings.profiles.items()},
        settings.assistants_sign_in == "own_password",
    )


def login_blueprints(around: Surroundings, journey: Journey) -> list[Blueprint]:
    """Return the addresses of the journey's pages and of the front door."""
    database, clock, pages = around.database, around.clock, around.pages
    knowledge, possession = around.plugins.knowledge, around.plugins.possession
    throttle = throttle_of(around)
    enrolments, fresh = enrolments_of(around), FreshCodes(kept_of(around))
    tickets = Tickets(database, clock, around.keyring, throttle)
    services = Services(around.settings.issuer, around.clients, clock, journey.profile_policies)
    codes = RecoveryCodesStep(clock, journey, fresh, pages, around.settings.institution.name)
    steps: dict[str, StepPage] = {
        "identification": IdentificationStep(
            database, clock, journey, around.cookies, throttle, knowledge, Selection(journey), pages
        ),
        "code": CodeStep(database, clock, around.keyring, journey, throttle, possession, pages),
        "activation": ActivationStep(
            database,
            clock,
            around.keyring,
            journey,
            enrolments,
            tickets,
            fresh,
            around.outbox,
            pages,
            around.settings.enrolment_proof == "activation_code",
        ),
        "recovery-codes": codes,
        "rekey": RekeyStep(
            database,
            clock,
            around.keyring,
            journey,
            knowledge,
            new_passwords_of(around),
            enrolments,
            around.outbox,
            pages,
        ),
        "choice": ChoiceStep(database, clock, journey, pages),
        "consent": ConsentStep(journey, pages),
        "refused": RefusedStep(journey, pages),
    }
    lost_phone = LostPhonePage(
        database, clock, around.keyring, journey, enrolments, tickets, fresh, around.outbox, pages
    )
    return [
        signin_blueprint(journey, steps, lost_phone, codes, services, pages),
        forgotten_addresses(around, throttle),
        linking_blueprint(journey, link_codes_of(around), pages),
        home_blueprint(around.settings, services, journey.visitors, pages),
    ]
