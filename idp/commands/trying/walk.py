"""The walk: the stations of a sign-in, in its order. What cannot be reached ends it; what is wrong does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from idp.commands.trying.addresses import after_sign_out, back_channel, callbacks, certificates
from idp.commands.trying.finding import Finding, unknown
from idp.commands.trying.guarded import guarded
from idp.commands.trying.person import Person, signed_in
from idp.commands.trying.proof import keys_usable, secret_proved
from idp.commands.trying.registration import known
from idp.commands.trying.running_provider import reached
from idp.commands.trying.start import started
from idp.commands.trying.trial import Running, Trial


def walked(
    trial: Trial, start: str | None, secret: Callable[[], str | None], person: Person | None
) -> Iterator[Finding]:
    """Yield the findings as they come. ``start`` is where a sign-in begins if the file does not say it; ``secret``
    gives the service's, or ``None`` if nobody does; ``person`` signs in, if there is one.
    """
    running, found = reached(trial)
    yield from found
    if running is None:
        return
    yield from known(trial, running)
    if trial.client.gateway is not None:
        yield from guarded(trial, running)
    beginning = started(trial, running, start)
    yield from beginning.findings
    yield from _proved(trial, running, secret)
    if trial.client.gateway is None:
        yield from chain(callbacks(trial), back_channel(trial), after_sign_out(trial))
    yield from certificates(trial)
    if person is None:
        return
    if beginning.request is not None and beginning.may_go_on:
        yield from signed_in(trial, running, beginning.browser, beginning.request, person)
    else:
        yield unknown(
            "sign-in", "it was not tried", "First put right what the service's own request has wrong"
        )


def _proved(trial: Trial, running: Running, secret: Callable[[], str | None]) -> Iterator[Finding]:
    method = trial.client.token_endpoint_auth_method
    if method == "private_key_jwt":
        return keys_usable(trial)
    if method is None:
        return iter(())  # behind the gateway: the proxy's secret stands in its place
    return secret_proved(trial, running, secret() if trial.client.is_confidential else None)
