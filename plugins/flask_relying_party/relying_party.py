"""The extension as a portal knows it, and the one place that wires it together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, overload

from flask import Blueprint, Flask, Response, g, render_template, request
from flask.typing import ResponseReturnValue

from flask_relying_party.access_token import AccessTokenVerifier
from flask_relying_party.addresses import Targets, this_address
from flask_relying_party.backchannel import BackchannelLogout
from flask_relying_party.browser_notes import BrowserNotes
from flask_relying_party.clock import Clock, SystemClock
from flask_relying_party.database import Database
from flask_relying_party.failures import SignInFailed, log, told_as_failures
from flask_relying_party.gate import Gate
from flask_relying_party.guard import Again, Guard, Rule
from flask_relying_party.logout_token import LogoutTokenVerifier
from flask_relying_party.options import Options
from flask_relying_party.pending import PendingLogins
from flask_relying_party.person import Assurance, Person
from flask_relying_party.provider import Provider
from flask_relying_party.resuming import Because
from flask_relying_party.sessions import Limits, PortalSession, Sessions
from flask_relying_party.sign_in import SignIn
from flask_relying_party.sign_out import SignOut
from flask_relying_party.starting import StartedLogins
from flask_relying_party.step_up import Demand

View = TypeVar("View", bound=Callable[..., Any])

LEAST_MAX_AGE = 60


@dataclass(frozen=True)
class ProviderAnswer:
    """What a provider that answers offers: how many public keys, and whether it ends its own session on sign-out."""

    keys: int
    ends_session: bool


class RelyingParty:
    """Makes ``app`` a relying party of one OpenID Provider, under ``/login``, ``/callback``, ``/logout`` and so on.

    ``issuer`` and ``base_url`` are the addresses of provider and portal, without a final slash; ``secret_key``
    signs the cookie of started sign-ins; ``database`` is a SQLite file that all workers of the portal share.
    ``required_acr="mfa"`` lets nobody in by a password alone. Raises ``ValueError`` for options that cannot be used,
    ``OSError`` or ``sqlite3.Error`` without a writable file. The provider is not asked before the first sign-in.
    """

    def __init__(
        self,
        app: Flask,
        *,
        issuer: str,
        base_url: str,
        client_id: str,
        client_secret: str,
        secret_key: str,
        database: str | Path,
        scope: str = "openid profile offline_access",
        required_acr: Assurance = "pwd",
        first_page: str = "/",
        cookie: str = "sso",
        revalidate_seconds: float = 2.0,
        provider_timeout_seconds: float = 2.0,
        session_idle_seconds: int = 1800,
        session_seconds: int = 28800,
        clock: Clock | None = None,
    ) -> None:
        self._options = options = Options(
            issuer=issuer,
            base_url=base_url,
            client_id=client_id,
            client_secret=client_secret,
            secret_key=secret_key,
            database=Path(database),
            scope=scope,
            required_acr=required_acr,
            first_page=first_page,
            cookie=cookie,
            revalidate_seconds=revalidate_seconds,
            provider_timeout_seconds=provider_timeout_seconds,
            session_idle_seconds=session_idle_seconds,
            session_seconds=session_seconds,
        )
        self._clock = clock = clock or SystemClock()
        self._database = Database(options.database)
        limits = Limits(timedelta(seconds=session_idle_seconds), timedelta(seconds=session_seconds))
        self._sessions = sessions = Sessions(self._database, clock, limits)
        self._provider = provider = Provider(options, clock)
        self._gate = gate = Gate(options, sessions, provider, clock)
        notes, targets = BrowserNotes(options), Targets(base_url, first_page)
        started = StartedLogins(options, provider, PendingLogins(self._database, clock), notes)
        self._guard = Guard(gate, started, clock, targets)
        logouts = LogoutTokenVerifier(provider.keys, clock, issuer=issuer, client_id=client_id)

        pages = Blueprint("relying_party", __name__, template_folder="templates")
        SignIn(options, provider, started, sessions, gate, notes, targets, clock).add_to(pages)
        SignOut(options, provider, sessions, gate, notes).add_to(pages)
        BackchannelLogout(logouts, sessions).add_to(pages)
        pages.after_request(_uncached)
        app.register_blueprint(pages)
        app.register_error_handler(SignInFailed, _failed)
        app.context_processor(lambda: {"sso": self})
        app.extensions["relying_party"] = self

    @overload
    def login_required(self, view: View, /) -> View: ...

    @overload
    def login_required(
        self,
        /,
        *,
        acr: Assurance = "pwd",
        max_age: int | None = None,
        assistants: bool = True,
        again: Again | None = None,
    ) -> Callable[[View], View]: ...

    def login_required(
        self,
        view: View | None = None,
        /,
        *,
        acr: Assurance = "pwd",
        max_age: int | None = None,
        assistants: bool = True,
        again: Again | None = None,
    ) -> View | Callable[[View], View]:
        """Let a view be seen only by who is signed in, and still vouched for by the provider.

        ``acr="mfa"``: with a second factor; ``max_age``: identified within that many seconds (60 or more). Who
        proved less goes to the provider and comes back into the same operation, with what was typed (RFC 9470).
        The same happens when the view raises ``InsufficientAuthentication``, before it has done anything.
        ``assistants=False``: not by a person who acts for another. A POST needs ``sso.form_token`` as ``form_token``.

        ``again`` shows the view's form as it was typed (``request.form``) with nothing done, when it cannot be done
        at once: somebody else of the account has signed in (``"other_person"``), or no more was proved
        (``"not_stepped_up"``). Without one, a plain page asks whether to go on.
        """
        if max_age is not None and max_age < LEAST_MAX_AGE:
            raise ValueError(f"max_age: {LEAST_MAX_AGE} seconds or more are expected")
        rule = Rule(Demand(acr, max_age), assistants, again or self._shown_again)

        def protect(view: View) -> View:
            protected: Any = self._guard.protected(view, rule)
            return protected  # type: ignore[no-any-return]

        return protect if view is None else protect(view)

    @property
    def person(self) -> Person:
        """Who is signed in, in a view behind ``login_required``; ``RuntimeError`` elsewhere."""
        return self._session_here().person

    @property
    def visitor(self) -> Person | None:
        """Who is signed in as far as the portal knows, nobody having been asked: for a page that is open to all.

        Raises ``SignInFailed`` (503) without the database.
        """
        found = self._here_or_by_cookie()
        return found.person if found else None

    @property
    def form_token(self) -> str:
        """What a form of this browser sends along as ``form_token``; empty for nobody."""
        found = self._here_or_by_cookie()
        return found.form_token if found else ""

    def userinfo(self) -> Mapping[str, Any]:
        """Ask the provider for all claims of ``scope``, now, about who is signed in.

        Raises ``SignInFailed``: no answer (503), or the provider vouches no longer.
        """
        with told_as_failures():
            told = self._provider.profile_of(self._session_here().tokens.access_token)
        if told is None or told.get("sub") != self.person.sub:
            raise SignInFailed("session_ended")
        return told

    def access_tokens(self, resource: str) -> AccessTokenVerifier:
        """Return what checks bearer tokens for an API of the portal's, of which ``resource`` is the identifier."""
        return AccessTokenVerifier(
            self._provider.keys,
            self._sessions,
            self._clock,
            issuer=self._options.issuer,
            resource=resource,
            required=self._options.required_acr,
        )

    def check_provider(self) -> ProviderAnswer:
        """Ask the provider who it is.

        Raises ``requests.RequestException`` unless it answers as ``issuer``, with usable keys.
        """
        metadata = self._provider.load_server_metadata()
        keys = self._provider.keys.current().keys
        return ProviderAnswer(len(keys), bool(metadata["end_session_endpoint"]))

    def check_database(self) -> None:
        """Raise ``sqlite3.Error`` when sessions cannot be read."""
        with self._database.connection() as connection:
            connection.execute("SELECT count(*) FROM session")

    def _session_here(self) -> PortalSession:
        found: PortalSession | None = g.get("relying_party_session")
        if found is None:
            raise RuntimeError("login_required does not stand before this view")
        return found

    def _here_or_by_cookie(self) -> PortalSession | None:
        found: PortalSession | None = g.get("relying_party_session")
        if found is None:
            with told_as_failures():
                found = self._gate.session()
        return found

    def _shown_again(self, because: Because) -> ResponseReturnValue:
        page = render_template(
            "relying_party/again.html",
            because=because,
            address=this_address(),
            first_page=self._options.first_page,
            fields=list(request.form.items(multi=True)),
        )
        return page, 403


def _failed(failed: SignInFailed) -> ResponseReturnValue:
    log.warning("refused: %s", failed.code)
    headers = {"Cache-Control": "no-store", **failed.headers}
    return render_template("relying_party/error.html", failure=failed), failed.status, headers


def _uncached(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-store")
    return response
