"""Makes a Flask portal a relying party of the provider: see ``RelyingParty``, and the README beside this file."""

from flask_relying_party.access_token import Access, AccessTokenRefused, AccessTokenVerifier
from flask_relying_party.clock import Clock, SystemClock
from flask_relying_party.failures import SignInFailed
from flask_relying_party.person import Actor, Caller, Person
from flask_relying_party.relying_party import ProviderAnswer, RelyingParty
from flask_relying_party.step_up import Demand, InsufficientAuthentication

__all__ = [
    "Access",
    "AccessTokenRefused",
    "AccessTokenVerifier",
    "Actor",
    "Caller",
    "Clock",
    "Demand",
    "InsufficientAuthentication",
    "Person",
    "ProviderAnswer",
    "RelyingParty",
    "SignInFailed",
    "SystemClock",
]
