"""A worker that was let in before its login was renewed starts anew as soon as it is refused something and a newer one is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from nats.errors import Error
from tradewind.contract.subjects import Names
from tradewind.messaging.login import CREDENTIALS, login_options
from tradewind.permissions import of_observer, of_operator
from tradewind_operator.identities import SECRET_BYTES, Identities
from tradewind_workers.runner.shown_login import ShownLogin

REFUSED = Error('nats: permissions violation for publish to "$kv.tw-desk-control.holder.paper"')
IDENTITIES = Identities(bytes(SECRET_BYTES))
BEFORE, NOW = (str(IDENTITIES.user("desk", "w", rights(Names("desk")))) for rights in (of_observer, of_operator))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / CREDENTIALS
    written.write_text(BEFORE)
    return written


def shown(directory: Path | None) -> ShownLogin:
    """The login of a connection that has been opened."""
    made = ShownLogin(login_options(directory, "w", "nats://nats:4222"))
    if directory is not None:
        made.options["user_jwt_cb"]()
    return made


def test_a_newer_login_outlives_one_that_is_refused_something(file: Path) -> None:
    login = shown(file.parent)
    assert not login.outlived_by(REFUSED)

    file.write_text(NOW)

    assert login.outlived_by(REFUSED)
    assert not login.outlived_by(Error("nats: maximum subscriptions exceeded"))


def test_the_login_of_the_last_connect_counts(file: Path) -> None:
    login = shown(file.parent)
    file.write_text(NOW)
    login.options["user_jwt_cb"]()

    assert not login.outlived_by(REFUSED)


def test_what_cannot_be_read_and_who_has_none_is_not_renewed(file: Path) -> None:
    login, nobody = shown(file.parent), shown(None)

    for spoil in (lambda: file.write_text("half a file"), file.unlink):
        spoil()
        assert not login.outlived_by(REFUSED)
    assert not nobody.outlived_by(REFUSED)
