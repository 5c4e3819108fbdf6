"""The login room: the journey with its steps, and the addresses that lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from flask import Blueprint

from idp.login.activation import ActivationStep
from idp.login.code import CodeStep
from idp.login.destination import Destination
from idp.login.home import home_blueprint
from idp.login.identification import IdentificationStep
from idp.login.journey import Journey
from idp.login.session import Lifetime, SessionStore
from idp.login.surroundings import Surroundings
from idp.login.transaction import TransactionStore
from idp.login.views import RefusedStep, StepPage, signin_blueprint
from idp.login.visitors import Visitors


def visitors_of(around: Surroundings) -> Visitors:
    """Return what finds, opens and ends single sign-on sessions."""
    lifetimes: dict[str, Lifetime] = {
        name: Lifetime(timedelta(seconds=profile.session_idle), timedelta(seconds=profile.session_absolute))
        for name, profile in around.settings.profiles.items()
    }
    sessions = SessionStore(around.ephemeral, around.clock, lifetimes)
    return Visitors(around.database, around.clock, sessions, around.cookies)


def journey_of(around: Surroundings, visitors: Visitors, destinations: Mapping[str, Destination]) -> Journey:
    """Return the dispatcher."""
    settings = around.settings
    return Journey(
        around.database,
        around.clock,
        TransactionStore(around.ephemeral, around.clock, timedelta(seconds=settings.transaction_lifetime)),
        visitors,
        around.cookies,
        destinations,
        {name: profile.mfa for name, profile in settings.profiles.items()},
    )


def login_blueprints(around: Surroundings, journey: Journey) -> list[Blueprint]:
    """Return the addresses of the journey's pages and of the front door."""
    database, clock, pages = around.database, around.clock, around.pages
    knowledge, possession = around.plugins.knowledge, around.plugins.possession
    steps: dict[str, StepPage] = {
        "identification": IdentificationStep(database, clock, journey, around.cookies, knowledge, pages),
        "code": CodeStep(database, clock, around.keyring, journey, possession, pages),
        "activation": ActivationStep(database, clock, around.keyring, journey, possession, pages),
        "refused": RefusedStep(journey, pages),
    }
    return [
        signin_blueprint(journey, steps, pages),
        home_blueprint(around.settings, around.clients, journey.visitors, around.cookies, pages),
    ]
