"""Listen keys of user streams: each opens the private streams of one account for an hour. Pure; time comes in."""

from __future__ import annotations

import hashlib

from tradewind_workers.simulator.api_error import ApiError

LIFETIME_S = 3600.0
MAX_PER_ACCOUNT = 60


class ListenKeys:
    """``seed`` makes the keys unguessable; the same seed makes the same keys."""

    def __init__(self, seed: str) -> None:
        self._seed, self._made = seed, 0
        self._keys: dict[str, tuple[str, float]] = {}

    def create(self, account: str, now_s: float) -> str:
        """Raises ApiError where the account has 60 already."""
        self._keys = {key: entry for key, entry in self._keys.items() if entry[1] > now_s}
        if sum(1 for owner, _ in self._keys.values() if owner == account) >= MAX_PER_ACCOUNT:
            raise ApiError(26, f"at most {MAX_PER_ACCOUNT} listen keys")
        self._made += 1
        key = hashlib.sha256(f"{self._seed}/{account}/{self._made}".encode()).hexdigest()
        self._keys[key] = (account, now_s + LIFETIME_S)
        return key

    def renew(self, account: str, key: str, now_s: float) -> None:
        """Another hour; raises ApiError where the key is not the account's or has expired."""
        if self.account(key, now_s) != account:
            raise ApiError(730002, "listenKey does not exist")
        self._keys[key] = (account, now_s + LIFETIME_S)

    def delete(self, account: str, key: str, now_s: float) -> None:
        if self.account(key, now_s) != account:
            raise ApiError(730002, "listenKey does not exist")
        del self._keys[key]

    def account(self, key: str, now_s: float) -> str:
        """Whose key it is; empty where it is nobody's or has expired."""
        owner, expires = self._keys.get(key, ("", 0.0))
        return owner if expires > now_s else ""
