"""People, services and moments for the tests of the rules, and Hypothesis strategies of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st

from idp.rules.assurance import Acr, Method, Policy, Proof
from idp.rules.delegation import Actor, window_of_days
from idp.rules.next_step import Demand, Standing

MFA_DAY = date(2026, 3, 1)
BEFORE = datetime(2026, 2, 28, 22, 59, 59, tzinfo=UTC)
FROM = BEFORE + timedelta(seconds=1)
"""The midnight of Europe/Monaco that begins ``MFA_DAY``."""

DOCTORS = frozenset({"health_professional"})
OPTIONAL: Mapping[str, Policy] = {"health_professional": Policy.optional(), "insured": Policy.optional()}
ASSISTANT = Actor("person-2", "NAUDIN Fernand", "delegation-1", window_of_days(date(2025, 12, 3), None))

NO_DEADLINE = settings(deadline=None)
"""For properties: on a busy machine a pause is no failure."""

THOROUGH = settings(deadline=None, max_examples=400)
"""For properties of rare combinations; the strategies below make admission as likely as refusal."""


def password(seconds_ago: int = 0) -> Proof:
    """Return a password shown so many seconds before ``FROM``."""
    return Proof("pwd", int(FROM.timestamp()) - seconds_ago)


def code(seconds_ago: int = 0) -> Proof:
    """Return a code shown so many seconds before ``FROM``."""
    return Proof("otp", int(FROM.timestamp()) - seconds_ago)


KNOWN: tuple[Method, ...] = ("pwd",)
BOTH: tuple[Method, ...] = ("pwd", "otp")
SHOWN: tuple[tuple[Method, ...], ...] = (
    *[KNOWN] * 3,
    *[BOTH] * 3,
    (),
    ("otp",),
    ("otp", "pwd"),
    ("pwd", "pwd"),
)
acrs: st.SearchStrategy[Acr] = st.sampled_from(["pwd", "mfa"])
moments = st.integers(1_735_689_600, 1_830_200_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
days = st.dates(date(2025, 1, 1), date(2027, 12, 31))
policies = st.builds(Policy, st.none() | st.just(date.min) | days)
profiles = st.sampled_from([*["health_professional"] * 6, "insured", "employer"])
profile_policies = st.fixed_dictionaries(
    {"health_professional": policies}, optional={"insured": policies, "employer": policies}
)
proofs = st.builds(
    lambda shown, at: tuple(Proof(method, at) for method in shown),
    st.sampled_from(SHOWN),
    st.integers(1_700_000_000, 1_735_000_000),
)
demands = st.builds(
    Demand,
    profiles=st.frozensets(profiles, min_size=1),
    floor=acrs,
    policy=policies,
    assistants_allowed=st.booleans(),
    acr_values=st.lists(st.sampled_from(["pwd", "mfa", "gold", ""]), max_size=3).map(tuple),
    max_age=st.none() | st.none() | st.integers(0, 200_000_000),
    sign_in_again=st.sampled_from([False, False, False, True]),
    select_account=st.sampled_from([False, False, False, True]),
    silent=st.booleans(),
)
standings = st.builds(
    Standing,
    profile=profiles,
    activated=st.booleans(),
    proofs=proofs,
    actor=st.none() | st.just(ASSISTANT),
    earlier=st.booleans(),
    own_password=st.booleans(),
)
