"""The API server, as far as the operator needs it: apply, delete, status, events; and the uids of a kind.

Errors of the server are told apart by what can be done about them; everything is counted. What is asked of a server that
does not answer raises Unavailable, whatever it is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import structlog
from aiohttp import ClientError
from kubernetes.aio.client import ApiClient, Configuration
from tradewind.api.fields import GROUP, VERSION
from tradewind.errors import TradewindError, Unavailable

from tradewind_operator.metrics import REQUESTS
from tradewind_operator.names import API_KINDS, MANAGER, ApiKind
from tradewind_operator.plan import Body, Notice

log = structlog.get_logger()
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
IN_FLIGHT = 16
TIMEOUT_S = 30
UNTYPED = ("failed to create typed patch object", "failed to convert new object")
"""What a server says with code 500 of an object that is not valid: a quantity that is none, a name twice in a list."""


IN_PLACE = ("field is immutable", "cannot change roleRef")
"""What a server says of a field that only another object can have."""


class ApiRefused(TradewindError):
    """The API server answered with an error: its code, reason and message, and each of its causes by itself."""

    def __init__(self, code: int, reason: str, message: str, causes: tuple[str, ...] = ()) -> None:
        super().__init__(f"{code} {reason}: {message[:1000]}")
        self.code, self.reason = code, reason
        self._causes = causes or (message,)

    @property
    def only_in_place(self) -> bool:
        """Whether the object would be taken if it were new: nothing is wrong but that fields of it cannot change."""
        return self.code == 422 and all(any(words in cause for words in IN_PLACE) for cause in self._causes)

    @property
    def lasting(self) -> bool:
        """Whether the server will say the same again until a person changes something."""
        return self.code in (400, 403, 409, 422) or (self.code == 500 and any(words in str(self) for words in UNTYPED))

    @property
    def ending(self) -> bool:
        """Whether the namespace is being deleted: nothing can be made there, and nothing needs to be."""
        return self.code == 403 and "because it is being terminated" in str(self)


class ApiServer:
    """At most IN_FLIGHT requests at a time, so that a thousand resources do not drown the server."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._host = client.configuration.host
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def apply(self, body: Body, *, force: bool = True) -> Body:
        """Server-side apply of a whole object.

        Raises:
            ApiRefused: 409 where fields belong to others and ``force`` is off, 422 where it is not valid or immutable.
        """
        kind, metadata = API_KINDS[body["kind"]], body["metadata"]
        query = f"?fieldManager={MANAGER}&force={'true' if force else 'false'}"
        return await self._request(
            "PATCH", kind, kind.path(metadata["namespace"], metadata["name"]) + query, body, APPLY
        )

    async def delete(self, body: Body) -> None:
        """Delete this very object, by its uid; gone already is done."""
        kind, metadata = API_KINDS[body["kind"]], body["metadata"]
        options = {"propagationPolicy": "Background", "preconditions": {"uid": metadata["uid"]}}
        try:
            await self._request("DELETE", kind, kind.path(metadata["namespace"], metadata["name"]), options)
        except ApiRefused as error:
            if error.code not in (404, 409):
                raise

    async def status(self, body: Body, status: Body) -> None:
        """Replace the status of a resource of ours, if it is still the same object."""
        kind, metadata = API_KINDS[body["kind"]], body["metadata"]
        patch = {"metadata": {"uid": metadata["uid"]}, "status": _replacing(body.get("status") or {}, status)}
        path = kind.path(metadata["namespace"], metadata["name"]) + f"/status?fieldManager={MANAGER}"
        try:
            await self._request("PATCH", kind, path, patch, MERGE)
        except ApiRefused as error:
            if error.code not in (404, 409):
                raise

    async def get(self, kind: str, namespace: str, name: str) -> Body | None:
        """An object as it is; None where there is none."""
        try:
            return await self._request("GET", API_KINDS[kind], API_KINDS[kind].path(namespace, name))
        except ApiRefused as error:
            if error.code == 404:
                return None
            raise

    async def create(self, body: Body) -> Body:
        """Create an object of ours."""
        kind = API_KINDS[body["kind"]]
        path = kind.path(body["metadata"]["namespace"]) + f"?fieldManager={MANAGER}"
        return await self._request("POST", kind, path, body)

    async def event(self, about: Body, notice: Notice, now: str) -> None:
        """An Event on a resource. What cannot be said costs nothing else: its namespace may be ending."""
        metadata = about["metadata"]
        kind = ApiKind("events.k8s.io", "v1", "Event", "events")
        event = {
            "apiVersion": kind.api_version,
            "kind": "Event",
            "metadata": {"generateName": f"{metadata['name']}-", "namespace": metadata["namespace"]},
            "eventTime": now,
            "type": notice.type,
            "reason": notice.reason,
            "note": notice.message[:1024],
            "action": "Reconcile",
            "reportingController": "tradewind.io/operator",
            "reportingInstance": MANAGER,
            "regarding": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
        }
        try:
            await self._request("POST", kind, kind.path(metadata["namespace"]), event)
        except (ApiRefused, Unavailable) as error:
            log.warning("event_not_told", about=metadata["name"], reason=notice.reason, error=str(error))

    async def served(self) -> set[str]:
        """The kinds of our group that the server knows: their definitions are installed."""
        kind = ApiKind(GROUP, VERSION, "APIResourceList", "")
        try:
            listed = await self._request("GET", kind, f"/apis/{GROUP}/{VERSION}")
        except ApiRefused as error:
            if error.code == 404:
                return set()
            raise
        return {one["kind"] for one in listed.get("resources", [])}

    async def absent(self, namespaces: list[str]) -> list[str]:
        """Which of these namespaces are not there; one that may not be asked for counts as there."""
        kind, found = ApiKind("", "v1", "Namespace", "namespaces"), []
        for name in namespaces:
            try:
                await self._request("GET", kind, kind.path("", name))
            except ApiRefused as error:
                if error.code == 404:
                    found.append(name)
                elif error.code != 403:
                    raise
        return found

    async def uids(self, kind: ApiKind, namespaces: list[str], selector: str = "") -> dict[tuple[str, str], str]:
        """uid by (namespace, name) of everything of a kind; no namespaces are all of them. Metadata only, in pages."""
        found: dict[tuple[str, str], str] = {}
        for namespace in namespaces or [""]:
            token = ""
            while True:
                query = f"?limit=500&labelSelector={quote(selector)}&continue={quote(token)}"
                page = await self._request(
                    "GET", kind, kind.path(namespace) + query, accept="PartialObjectMetadataList"
                )
                for item in page.get("items") or []:
                    metadata = item["metadata"]
                    found[metadata.get("namespace", ""), metadata["name"]] = metadata["uid"]
                token = page.get("metadata", {}).get("continue", "")
                if not token:
                    break
        return found

    async def _request(
        self,
        method: str,
        kind: ApiKind,
        path: str,
        body: Any = None,
        content: str = "application/json",
        accept: str = "",
    ) -> Body:
        headers: dict[str, str] = {"Content-Type": content, "Accept": "application/json"}
        if accept:
            headers["Accept"] = f"application/json;as={accept};g=meta.k8s.io;v=v1"
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], "", method, body)
        for attempt in range(4):
            async with self._slots:
                answer, data = await self._answer(method, path, headers, body)
            REQUESTS.labels(method, kind.plural, str(answer.status)).inc()
            if answer.status != 429 or attempt == 3:
                break
            await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
        document = _document(data)
        if answer.status >= 400:
            raise refusal(answer.status, document)
        return document

    async def _answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[Any, bytes]:
        """The answer with all of its bytes. A connection breaks in many ways, and not all of them are an OSError."""
        try:
            answer = await self._client.call_api(
                method, self._host + path, header_params=dict(headers), body=body, _request_timeout=TIMEOUT_S
            )
            return answer, await answer.read()  # type: ignore[no-untyped-call]
        except (ClientError, OSError, TimeoutError) as error:
            raise Unavailable(f"the API server does not answer: {error!r}") from error


def settle_proxy(configuration: Configuration) -> None:
    """The environment's proxy, asked for once and not, with a look for a ``.netrc``, in two threads for each request."""
    server = urlsplit(configuration.host)
    if not configuration.proxy and not proxy_bypass(server.hostname or ""):
        configuration.proxy = getproxies().get(server.scheme)
    configuration.client_session_kwargs = {"trust_env": False}


def refusal(code: int, status: Body) -> ApiRefused:
    """A server's Status as an error."""
    listed = (status.get("details") or {}).get("causes") or []
    causes = tuple(str(cause.get("message", "")) for cause in listed)
    return ApiRefused(code, str(status.get("reason", "")), str(status.get("message", "")), causes)


def _document(data: bytes) -> Body:
    try:
        found = json.loads(data)
    except ValueError:
        return {"message": data[:200].decode(errors="replace")}
    return found if isinstance(found, dict) else {}


def _replacing(before: Mapping[str, Any], after: Body) -> Body:
    """A merge patch that leaves exactly ``after``: what is there no more is null."""
    return {name: None for name in before if name not in after} | after
