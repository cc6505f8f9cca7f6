"""A login for NATS as a Secret: a user's credentials, and the certificate of the authority NATS is trusted by."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from tradewind.messaging.login import AUTHORITY, CREDENTIALS
from tradewind.permissions import Permissions

from tradewind_operator.builders.metadata import Owner, build_metadata
from tradewind_operator.names import child_name
from tradewind_operator.platform import Platform


def login_name(user: str) -> str:
    """The name of the Secret of a user: a worker's, or of those in capitals, who are people."""
    return f"tradewind-{user.lower()}" if user.isupper() else f"{child_name(user)}-nats"


def build_login(
    user: str,
    permissions: Permissions,
    namespace: str,
    labels: dict[str, str],
    platform: Platform,
    owners: Sequence[Owner] = (),
) -> dict[str, Any] | None:
    """The Secret of a user; None where NATS asks for nothing."""
    files = {CREDENTIALS: "", AUTHORITY: platform.authority}
    if platform.identities is not None:
        files[CREDENTIALS] = str(platform.identities.user(namespace, user, permissions))
    data = {name: base64.b64encode(text.encode()).decode() for name, text in files.items() if text}
    if not data:
        return None
    metadata = build_metadata(login_name(user), namespace, labels, owners)
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
