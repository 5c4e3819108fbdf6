"""The profile room: its pages behind the one guard."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

from flask import Blueprint

from idp.clients.per_set import PerSet
from idp.clients.registry import ClientRegistry
from idp.login.enrolment import enrolments_of
from idp.login.journey import Journey
from idp.login.surroundings import Surroundings
from idp.profile.assistants import assistant_pages
from idp.profile.consents import ConsentsPage, consents_blueprint
from idp.profile.factors import factors_blueprint
from idp.profile.guard import Guard
from idp.profile.journal import JournalPage
from idp.profile.password import password_page
from idp.profile.records import records_blueprint
from idp.profile.sessions import SessionsPage
from idp.profile.views import ProfilePage, profile_blueprint
from idp.rules.obligation import first_day_named
from idp.services import obligations
from idp.settings import Settings


def profile_blueprints(around: Surroundings, journey: Journey) -> list[Blueprint]:
    """Return the addresses of the account's own pages."""
    settings, enrolments = around.settings, enrolments_of(around)
    limit = settings.max_assistants
    guard = Guard(around.database, around.clock, journey, around.pages)
    journal = JournalPage(
        around.database, around.clock, around.pages, timedelta(days=settings.retention_days)
    )
    return [
        consents_blueprint(guard, ConsentsPage(around.database, around.clock, around.clients, around.pages)),
        factors_blueprint(around, journey, guard),
        records_blueprint(
            guard, journal, SessionsPage(around.database, around.clock, journey.devices, around.pages)
        ),
        profile_blueprint(
            guard,
            ProfilePage(
                around.database,
                around.clock,
                around.pages,
                limit,
                partial(_practice_service, settings, around.clients),
                PerSet(around.clients, partial(_first_days, settings, around.clients)),
                journal,
            ),
            assistant_pages(around, enrolments),
            password_page(around, journey),
        ),
    ]


def _first_days(settings: Settings, clients: ClientRegistry) -> dict[str, date | None]:
    return {
        name: first_day_named([profile.mfa, *obligations(clients, name).values()])
        for name, profile in settings.profiles.items()
    }


def _practice_service(settings: Settings, clients: ClientRegistry) -> str | None:
    profile = settings.profiles.get("health_professional")
    client = clients.get(profile.service) if profile and profile.service else None
    return client.initiate_login_uri if client else None
