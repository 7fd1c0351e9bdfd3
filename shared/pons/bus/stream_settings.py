# SPDX-License-Identifier: Apache-2.0
"""Streams that are there already: what settings say now is applied, or said where it cannot be.

https://docs.nats.io/nats-concepts/jetstream/streams#configuration
"""

from dataclasses import replace
from typing import Any

import nats.js.errors
import structlog
from nats.js import JetStreamContext
from nats.js.api import StreamConfig

log = structlog.get_logger()

WORDS: dict[str, str] = {
    "num_replicas": "copies (setting nats.replicas)",
    "max_bytes": "largest size in bytes",
    "max_age": "age in seconds after which messages go",
    "max_msgs": "most messages",
    "discard": "what goes when it is full",
    "duplicate_window": "seconds in which a message is recognised",
    "subjects": "subjects",
    "retention": "when messages go",
    "storage": "where it lies",
}
"""What settings and versions of Pons decide about a stream, in words. What a configuration leaves
open is the server's to choose, and not compared."""
UNLIMITED: dict[str, Any] = {"max_bytes": -1, "max_msgs": -1, "max_age": 0}
"""What the server writes for no limit."""


async def apply_settings(
    stream: JetStreamContext, present: StreamConfig, wanted: StreamConfig
) -> None:
    """Make a stream as it is wanted; a warning names each setting that the server does not let us
    change, with both values. May be repeated. Raises NATS' errors when the server is away."""
    differing = {
        name: value
        for name in WORDS
        if (value := _value(wanted, name)) is not None and value != _value(present, name)
    }
    for name, value in differing.items():
        before = _value(present, name)
        changed = replace(present, **{name: value})
        try:
            await stream.update_stream(changed)
        except nats.js.errors.APIError as error:
            log.warning(
                "stream keeps its setting",
                stream=present.name,
                setting=WORDS[name],
                is_now=before,
                wanted=value,
                reason=error.description,
            )
        else:
            present = changed
            log.info(
                "stream setting changed",
                stream=present.name,
                setting=WORDS[name],
                before=before,
                now=value,
            )


def _value(config: StreamConfig, name: str) -> Any:
    """A setting of a configuration, the same for the same meaning; None where it is left open."""
    value = getattr(config, name)
    if name == "num_replicas" and value is not None:
        return max(value, 1)
    if name == "duplicate_window":
        return value or None
    if name in UNLIMITED and value is not None and value <= 0:
        return UNLIMITED[name]
    return value
