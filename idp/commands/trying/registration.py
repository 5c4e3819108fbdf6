"""Second station: the running provider knows this service as its file says, and no other address."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

from idp.clients.following import LOOK_EVERY
from idp.commands.trying.calling import AGENT, NotAnswered
from idp.commands.trying.finding import Finding, right, wrong
from idp.commands.trying.trial import Running, Trial

_ABOUT = "registration"
_STATE = AGENT
_VERSION = "The running provider has this file in another version: `idp config check` there says why"
_RELOAD = (
    "Does it read this file? `idp config check` there says what is wrong; a good change counts within seconds"
)

_ASKED_AGAIN = 10
_PAUSE_SECONDS = 0.5
"""Both together: how long a file that was written just now may take to count."""


def known(trial: Trial, running: Running) -> Iterator[Finding]:
    """Yield whether each registered address takes an answer, and that another one does not."""
    addresses = trial.client.redirect_uris
    if not addresses:
        return
    trial.tell("asking the provider for a silent sign-in at each redirect address")
    found = _once_taken(trial, running)
    if all(map(_is_refused, found)):
        says = f"the running provider does not know {trial.client.client_id!r} with any address of the file"
        yield wrong(_ABOUT, says, _RELOAD)
        return
    yield from found
    other = f"{addresses[0]}/not-registered"
    try:
        answer = trial.caller.get(silent_request(trial, running, other))
    except NotAnswered as error:
        yield wrong(_ABOUT, f"the authorization endpoint: {error}", "Look into the provider's log")
        return
    if answer.is_redirect:
        yield wrong(
            _ABOUT,
            f"it sends answers to {other} too, which nobody registered",
            "Stop it: this is no such provider",
        )
    else:
        yield right(_ABOUT, "an address that is not registered gets no answer")


def _once_taken(trial: Trial, running: Running) -> list[Finding]:
    """Return a finding for each redirect address, the last ones when some go on being refused."""

    def asked() -> list[Finding]:
        return [_answered(trial, running, address) for address in trial.client.redirect_uris]

    found = asked()
    if not any(map(_is_refused, found)):
        return found
    seconds = _ASKED_AGAIN * _PAUSE_SECONDS
    trial.tell(f"it does not know all of them; a new file counts within seconds: asking for {seconds:.0f} s")
    for _ in range(_ASKED_AGAIN):
        time.sleep(_PAUSE_SECONDS)
        found = asked()
        if not any(map(_is_refused, found)):
            # Each process of the provider looks for itself; any of them may answer the next question.
            time.sleep(LOOK_EVERY.total_seconds())
            break
    return found


def _is_refused(finding: Finding) -> bool:
    return finding.todo == _RELOAD


def silent_request(trial: Trial, running: Running, redirect_uri: str) -> str:
    """Return the address of a right authorization request that nobody is asked anything for."""
    asked = {
        "client_id": trial.client.client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": " ".join(sorted(trial.client.scope)),
        "state": _STATE,
        "nonce": secrets.token_urlsafe(16),
        "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(_STATE.encode()).digest())
        .rstrip(b"=")
        .decode(),
        "code_challenge_method": "S256",
        "prompt": "none",
    }
    return f"{running.authorization_endpoint}?{urlencode(asked)}"


def _answered(trial: Trial, running: Running, address: str) -> Finding:
    try:
        answer = trial.caller.get(silent_request(trial, running, address))
    except NotAnswered as error:
        return wrong(_ABOUT, f"the authorization endpoint: {error}", "Look into the provider's log")
    target = answer.headers.get("Location", "")
    if not answer.is_redirect or not _leads_to(target, address):
        says = f"the running provider refuses the redirect address {address} (status {answer.status_code})"
        if answer.status_code >= 500:
            return wrong(_ABOUT, says, "Look into the provider's log and /readyz")
        return wrong(_ABOUT, says, _RELOAD)
    said = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
    if said.get("error") != "login_required":
        what = said.get("error_description") or said.get("error") or "a code"
        return wrong(_ABOUT, f"a request by the file is answered {what!r} at {address}", _VERSION)
    if (said.get("iss"), said.get("state")) != (running.issuer, _STATE):
        return wrong(
            _ABOUT,
            "iss or state is missing in the provider's answer",
            "A proxy changes the address: let it pass",
        )
    return right(_ABOUT, f"answers go to {address}")


def _leads_to(target: str, address: str) -> bool:
    return target.startswith(f"{address}{'&' if '?' in address else '?'}")
