"""Refusals of the simulated venue, with MEXC's codes and HTTP status; handlers raise them, the server answers them."""

from __future__ import annotations


class ApiError(Exception):
    """``{"code": code, "msg": message}`` with this HTTP status."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


def malformed(name: str) -> ApiError:
    return ApiError(700004, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


REJECTIONS = {
    "INSUFFICIENT_BALANCE": 30004,
    "DUPLICATE_CLIENT_ORDER_ID": 603,
    "UNKNOWN_SYMBOL": 10007,
    "MIN_NOTIONAL": 30002,
    "BAD_QUANTITY": 10097,
    "BAD_PRICE": 30087,
}
"""MEXC's code for each reason of the matching engine; others are 26, operation not allowed."""


def rejection(reason: str) -> ApiError:
    return ApiError(REJECTIONS.get(reason, 26), f"order rejected: {reason}")
