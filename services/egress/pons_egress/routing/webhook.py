# SPDX-License-Identifier: Apache-2.0
"""The job `Webhook`: a POST for each change, signed, in the order of their numbers."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import orjson
import structlog

from pons.dicom.levels import PLURAL
from pons.errors import RemoteFailure
from pons.http.addresses import parse_networks, resolve
from pons.http.client_logs import hide_queries
from pons.http.client_tls import client_context
from pons.jobs import Run
from pons.jobs.outcomes import is_network_error
from pons.jobs.webhook import ToldChange, WebhookRequest
from pons.remotes.registry import Registry
from pons.routing.webhooks import KnownWebhook
from pons.settings import Settings
from pons.traces.spans import HEADER
from pons_egress.metrics import WEBHOOKS

log = structlog.get_logger()
hide_queries()

LATER = (408, 425, 429)
"""Statuses below 500 that say: try again later."""


class Position(msgspec.Struct, frozen=True):
    """How far a job is."""

    done: int = 0
    failed: int = 0
    reason: str = ""
    """Why the first one failed."""


class WebhookDelivery:
    """Handler of the job. Changes that the webhook refuses are passed over, and fail it at last."""

    def __init__(self, webhooks: Registry[KnownWebhook], settings: Settings) -> None:
        self._webhooks = webhooks
        self._store = settings.store.name
        self._timeout = settings.routing.webhook_timeout
        self._tls = settings.egress
        self._denied = parse_networks(settings.routing.denied_networks)

    async def __call__(self, run: Run) -> None:
        """Raises `NotFound` for an unknown webhook, `Forbidden` for one where none may be."""
        request = msgspec.convert(run.request.arguments, WebhookRequest)
        webhook = await self._webhooks.read(request.webhook)
        position = msgspec.convert(run.document.position or {}, Position)
        total = len(request.changes)
        if position.failed and position.done == total:
            position = Position()  # somebody has it tried again
        verify = await asyncio.to_thread(
            client_context, self._tls.https_ca_file, verify=self._tls.https_verify
        )
        async with httpx.AsyncClient(
            verify=verify, timeout=self._timeout, trust_env=False, follow_redirects=False
        ) as client:
            for change in request.changes[position.done :]:
                failed, reason = position.failed, position.reason
                try:
                    await self._tell(client, request.webhook, webhook, change)
                except RemoteFailure as error:
                    WEBHOOKS.labels(request.webhook, "failure").inc()
                    if is_network_error(error):
                        raise
                    log.warning("webhook refuses", job=run.id, seq=change.seq, error=str(error))
                    failed, reason = failed + 1, reason or str(error)
                else:
                    WEBHOOKS.labels(request.webhook, "success").inc()
                position = Position(position.done + 1, failed, reason)
                told = {"FailedChangesCount": failed}
                await run.step(position.done / total, told, msgspec.to_builtins(position))
        if position.failed:
            what = f"{position.failed} of {total} changes were refused; the first: "
            raise RemoteFailure(what + position.reason, final=True)

    async def _tell(
        self, client: httpx.AsyncClient, name: str, webhook: KnownWebhook, change: ToldChange
    ) -> None:
        """Raises `RemoteFailure`, which is `final` when the webhook has refused the change."""
        body = orjson.dumps(self._body(change))
        url = httpx.URL(webhook.url)
        moment = str(int(time.time()))
        headers = httpx.Headers(webhook.http_headers)
        headers.pop("Transfer-Encoding", None)
        headers.update(  # what is ours replaces what is called alike, in whatever case
            {
                "Host": url.netloc.decode(),
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                "X-Pons-Sequence": str(change.seq),
                "X-Pons-Timestamp": moment,
                "X-Pons-Signature": signature(webhook.secret, moment, body),
            }
        )
        if change.trace:
            headers[HEADER] = change.trace
        port = url.port or (443 if url.scheme == "https" else 80)
        status = await self._post(client, name, url, port, headers, body)
        if not 200 <= status < 300:
            final = 300 <= status < 500 and status not in LATER
            raise RemoteFailure(f"Webhook {name!r}: answered {status}", final=final)

    async def _post(
        self,
        client: httpx.AsyncClient,
        name: str,
        url: httpx.URL,
        port: int,
        headers: httpx.Headers,
        body: bytes,
    ) -> int:
        """The status that is answered; of the rest of the answer nothing is read."""
        try:
            addresses = await resolve(url.host, port, self._denied)
            return await post_to_any(client, url, addresses, headers, body, self._timeout)
        except httpx.ConnectError as error:
            what = f"Webhook {name!r}: no connection with {url.host} at port {port}"
            raise RemoteFailure(what, "is it on, and its certificate in order?") from error
        except (TimeoutError, httpx.TimeoutException) as error:
            what = f"Webhook {name!r}: no answer within {self._timeout:g} s"
            raise RemoteFailure(what) from error
        except httpx.HTTPError as error:
            raise RemoteFailure(f"Webhook {name!r}: closed the connection") from error
        except RemoteFailure as error:
            raise RemoteFailure(f"Webhook {name!r}: {error.message}") from error

    def _body(self, change: ToldChange) -> dict[str, Any]:
        """The change as `/changes` shows it, with the store and the rule."""
        date = datetime.fromtimestamp(change.date, UTC)
        return {
            "ChangeType": change.change_type,
            "Date": date.strftime("%Y%m%dT%H%M%S"),
            "ID": change.resource_id,
            "Path": f"/{PLURAL[change.level]}/{change.resource_id}",
            "ResourceType": change.level,
            "Seq": change.seq,
            "Rule": change.rule,
            "Store": self._store,
        }


async def post_to_any(
    client: httpx.AsyncClient,
    url: httpx.URL,
    addresses: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    seconds: float,
) -> int:
    """The status with which the first of a host's addresses that connects answers.

    The client gives a connection so many `seconds`; the answer has as many, however it trickles.
    """
    failure: httpx.TransportError | None = None
    for address in addresses:
        request = client.build_request(
            "POST",
            url.copy_with(host=address),
            headers=headers,
            content=body,
            extensions={"sni_hostname": url.host},
        )
        try:
            async with asyncio.timeout(2 * seconds):
                answer = await client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            failure = failure or error
            continue
        await answer.aclose()
        return answer.status_code
    raise failure or httpx.ConnectError("the host has no address")


def signature(secret: str, moment: str, body: bytes) -> str:
    """HMAC-SHA256 over the time, a dot and the body, so that no request can be sent again later."""
    signed = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"
