"""What people do who have lost their phone, each done at the real provider and held against the model at once."""

from __future__ import annotations

from sqlalchemy import Connection

from idp.accounts import activation_codes, phones, recovery_codes
from tests.journeys.model import Account, Browser, Phone, SignedIn
from tests.journeys.story import code_of
from tests.journeys.watched import WatchedWorld
from tests.provider import Provider


class RecoveringWorld(WatchedWorld):
    """The same people, with codes on paper and support at the telephone."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        self.resets = 0
        """How often support has done so: often enough that nobody is left with a phone is no story."""
        doctor = self.accounts[0]
        with provider.parts.database.write() as connection:
            account_id = provider.account_id(connection, doctor.who)
            now = provider.clock.now()
            doctor.codes = recovery_codes.renew(connection, provider.parts.keyring, account_id, now)

    def paper(self, account: Account) -> list[str]:
        """Return the codes from paper that are good at the account."""
        return [*account.codes, *([account.support_code] if account.support_code else [])]

    def keep_codes(self, browser: Browser) -> None:
        """Somebody leaves the page of recovery codes; whoever opens it again sees the same."""
        phone = self.unseen[browser.visit.page.url]
        was_there = browser.is_signed_in()
        browser.visit.submit()
        if not browser.arrived:
            assert browser.step != "recovery-codes"
            return
        assert phone.counts(self.provider.clock.now())
        self._let_in(browser, SignedIn(phone.account, self.provider.clock.now(), phone), was_there)

    def recover(self, browser: Browser, code: str, *, forgotten: bool) -> None:
        """Somebody who cannot show a code of the phone types one from paper: their own, another's, or a used one."""
        account = self._account_named(browser)
        browser.visit.get(browser.visit.page.url.replace("/code", "/lost-phone"))
        if browser.step != "lost-phone":
            return
        was_there = browser.is_signed_in()
        if browser.visit.page.secret is None:
            good = code in account.codes or code == account.support_code
            for_once = forgotten and code != account.support_code
            page = browser.visit.submit(recovery_code=code, choice="forgotten" if forgotten else "replace")
            if page.status == 429 or not good:
                assert not browser.arrived
                assert browser.visit.page.secret is None
                return
            if for_once:
                account.codes.remove(code)
                assert browser.arrived
                self._let_in(
                    browser, SignedIn(account, self.provider.clock.now(), Phone(account, "")), was_there
                )
                return
        self._replace_phone(browser, account, was_there)

    def _replace_phone(self, browser: Browser, account: Account, was_there: bool) -> None:
        """Confirm the new phone. Which code is used up only the provider says: it was held when it was typed."""
        secret = browser.visit.page.secret
        assert secret is not None
        assert secret not in {phone.secret for phone in self.phones}
        with self.provider.parts.database.read() as connection:
            account_id = self.provider.account_id(connection, account.who)
            before = recovery_codes.left(connection, account_id)
        browser.visit.submit(code=code_of(secret, self.provider.clock))
        if browser.step == "lost-phone":
            return  # the code that was held has been used up elsewhere, or replaced
        with self.provider.parts.database.read() as connection:
            left = recovery_codes.left(connection, account_id)
            account.codes = [code for code in account.codes if self._is_unused(connection, account_id, code)]
        if left == before:
            account.support_code = None
        self._take_holders_phones(account)
        self.phones.append(Phone(account, secret, last_step=self._step()))
        if browser.step == "recovery-codes":
            self._see_codes(browser, self.phones[-1])
            return
        assert len(account.codes) == left
        assert browser.arrived
        self._let_in(browser, SignedIn(account, self.provider.clock.now(), self.phones[-1]), was_there)

    def reset(self, account: Account) -> None:
        """Support takes the holder's phone away, and gives a code for a new one."""
        self.resets += 1
        now, keyring = self.provider.clock.now(), self.provider.parts.keyring
        with self.provider.parts.database.write() as connection:
            account_id = self.provider.account_id(connection, account.who)
            phones.reset(connection, account_id, now)
            account.support_code = activation_codes.make(
                connection, keyring, account_id, now, even_activated=True
            ).code
        account.codes.clear()
        self._take_holders_phones(account)

    def _take_holders_phones(self, account: Account) -> None:
        for phone in self.phones:
            phone.removed = phone.removed or (phone.account is account and phone.name is None)
        self._kill(lambda one: one.session.account is account and one.session.actor is None)

    def _is_unused(self, connection: Connection, account_id: str, code: str) -> bool:
        plain = code.replace("-", "")
        return recovery_codes.found(connection, self.provider.parts.keyring, account_id, plain) is not None
