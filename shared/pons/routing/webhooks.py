# SPDX-License-Identifier: Apache-2.0
"""Webhooks: addresses that are told of changes, and the secrets that sign what they are told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from pons.bus import Bus
from pons.limits.mistakes import validated, without_values
from pons.remotes.registry import Registry
from pons.remotes.values import HeaderName, HeaderValue, WebAddress
from pons.settings import Settings

HIDDEN = "***"


class Webhook(BaseModel):
    """An address that is told of changes by POST. What is wrong is told without its value."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"Url": "https://planning.example.org/hook", "Secret": "0f8c2d71a9e4b635"}]
        },
    )

    Url: WebAddress = Field(description="Where to: http or https.")
    Secret: str = Field(
        min_length=16, max_length=1024, description="Signs each request (HMAC-SHA256)."
    )
    HttpHeaders: dict[HeaderName, HeaderValue] = Field(
        {}, description="Headers that go with each request."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _without_secrets(
        cls, value: Any, handler: ModelWrapValidatorHandler["Webhook"]
    ) -> "Webhook":
        try:
            return handler(value)
        except ValidationError as error:
            raise without_values(error) from None


class KnownWebhook(msgspec.Struct, frozen=True, rename="pascal"):
    """A webhook as the store keeps it."""

    url: str
    secret: str
    http_headers: dict[str, str] = {}


def parse_webhook(value: Any, name: str = "") -> KnownWebhook:
    """The webhook that `value` describes. Raises `BadRequest` naming the field."""
    where = f"webhook {name!r}: " if name else ""
    return as_kept(validated(Webhook, value, where))


def as_kept(webhook: Webhook) -> KnownWebhook:
    """What is kept of a description."""
    return msgspec.convert(webhook.model_dump(), KnownWebhook)


def shown(webhook: KnownWebhook) -> dict[str, Any]:
    """Without secrets: headers, and what follows `?` in the address, by name only."""
    return {"Url": _shown_url(webhook.url), "HttpHeaders": list(webhook.http_headers)}


def _shown_url(url: str) -> str:
    where, mark, query = url.partition("?")
    return where + mark + "&".join(map(_hidden, query.split("&") if query else ()))


def _hidden(part: str) -> str:
    """A part of a query without its value; where that is all there is, it may be a token."""
    name, equals, _ = part.partition("=")
    return f"{name}={HIDDEN}" if equals else HIDDEN


@asynccontextmanager
async def open_webhooks(bus: Bus, settings: Settings) -> AsyncIterator[Registry[KnownWebhook]]:
    """The store's webhooks, known and fresh as long as the block runs.

    Raises `BadRequest` when the settings name one that cannot be.
    """
    webhooks = Registry(
        bus,
        "webhook",
        "/routing/webhooks",
        settings.routing.webhooks,
        parse_webhook,
        KnownWebhook,
    )
    async with webhooks.following():
        yield webhooks
