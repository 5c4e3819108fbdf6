"""Whether a request may pass: the rule of its path, and who stands behind the session, looked at anew each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from idp.accounts.grants import Grant
from idp.accounts.party import Party
from idp.clients.gateway import OWN_PATHS, PathRule, folded
from idp.clients.model import Client
from idp.clients.registry import ClientRegistry
from idp.clock import Clock
from idp.gateway.addresses import Unreadable
from idp.gateway.question import Question
from idp.gateway.sessions import HostSessions
from idp.oidc.authorization.relying_party import demand_of
from idp.oidc.grants.issuing import Issuing
from idp.oidc.live_grants import LiveGrants
from idp.rules.gate import Way, way_in


@dataclass(frozen=True)
class Known:
    """Who stands behind a session: its grant, and the party as it is now."""

    grant: Grant
    party: Party


@dataclass(frozen=True)
class Verdict:
    """What becomes of a request."""

    way: Way | Literal["public", "no_rule"]
    client: Client | None = None
    rule: PathRule | None = None
    known: Known | None = None
    """Who is signed in, where that was looked up and still counts."""

    @property
    def passes(self) -> bool:
        """Whether the request may go on to the service."""
        return self.way in {Way.OPEN, "public"}

    @property
    def acr_values(self) -> tuple[str, ...]:
        """The levels to ask a sign-in for: always what the rule wants, so that one sign-in is enough."""
        return (self.rule.acr,) if self.rule is not None and self.rule.acr else ()


@dataclass(frozen=True)
class Guard:
    """Decides. What no rule opens is refused, hosts that no file names included."""

    clients: ClientRegistry
    clock: Clock
    sessions: HostSessions
    live: LiveGrants
    issuing: Issuing

    def decide(self, question: Question, cookie: str) -> Verdict:
        """Return what becomes of a request that came with ``cookie``.

        A public path costs nothing; any other one round trip to the store, and one statement unless the grant is known
        fresh. Raises ``Unreadable`` for a path that could be put under several rules, ``StorageUnavailable``.
        """
        client = self.clients.behind(question.origin)
        rule = self._rule(client, question)
        if client is None or rule is None:
            return Verdict("no_rule", client)
        if rule.is_public:
            return Verdict("public", client, rule)
        now = self.clock.now()
        known = self.known(question.origin, cookie)
        standing = known.party.standing(known.grant.proofs, earlier=True) if known else None
        way = way_in(
            rule.gate.narrowed(demand_of(client)),
            standing,
            self.issuing.profile_policies,
            now,
            own_passwords=self.issuing.own_passwords,
        )
        return Verdict(way, client, rule, known)

    def known(self, origin: str, cookie: str) -> Known | None:
        """Return who stands behind a session on this host, or ``None``: no session, or it no longer counts."""
        session = self.sessions.load(cookie, origin)
        client = self.clients.behind(origin)
        if session is None or client is None or session.client_id != client.client_id:
            return None
        found = self.live.of(session.grant_id)
        return None if found is None or found[0].client_id != client.client_id else Known(*found)

    def _rule(self, client: Client | None, question: Question) -> PathRule | None:
        if client is None:
            return None
        try:
            if f"{folded(question.path)}/".startswith(f"{OWN_PATHS}/"):
                return None
            return client.path_rules[question.origin].rule_of(question.path)
        except ValueError as error:
            raise Unreadable(str(error)) from error
