# SPDX-License-Identifier: Apache-2.0
"""The DICOM port: accepts connections, and lets what runs on them finish when it closes."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from types import MappingProxyType, TracebackType
from typing import Self

from pons.errors import PonsError
from pons.settings import DicomSettings, HealthSettings
from pons.tls.certificates import Certificates
from pons.tls.port import TlsPort, listen
from pons_ingress.admission import Admission, KnownModalities, Seats
from pons_ingress.association import Association
from pons_ingress.channel import RECEIVE_BUFFER, Channel
from pons_ingress.negotiation import Rules
from pons_ingress.services import Services
from pons_ingress.tls_guest import TlsGuest

BACKLOG = 512


class DicomServer:
    """Listens as long as its block runs.

    Parameters
    ----------
    port
        0 lets the system choose; see the attribute of that name.
    services
        What answers requests.
    rules
        What this side brings to the next negotiation: REST may change it at any time.
    users
        Name to argon2 hash, for peers that show a user's password.
    grace
        Seconds that requests under way have to be answered when the port closes.
    certificates
        Those of a port that speaks TLS; without them it speaks plain DICOM.
    """

    def __init__(
        self,
        settings: DicomSettings,
        host: str,
        port: int,
        services: Services,
        modalities: KnownModalities,
        rules: Callable[[], Rules],
        users: Mapping[str, str] = MappingProxyType({}),
        grace: float = HealthSettings().finish_seconds,
        certificates: Certificates | None = None,
    ) -> None:
        self.port = port
        self._certificates = certificates
        self._settings = settings
        self._host = host
        self._services = services
        self._rules = rules
        self._admission = Admission(settings, modalities, users)
        self._seats = Seats(settings.max_associations)
        self._grace = grace
        self._buffer = memoryview(bytearray(RECEIVE_BUFFER))
        self._associations: dict[asyncio.Task[None], Association] = {}
        self._open = AsyncExitStack()
        """What listens."""

    async def __aenter__(self) -> Self:
        try:
            self.port = await self._listen()
        except (OSError, ValueError) as error:  # ValueError: no SO_REUSEPORT on this system
            raise PonsError(f"Cannot listen on {self._host}:{self.port}", str(error)) from error
        return self

    async def _listen(self) -> int:
        """The port on which it listens, once it does."""
        share = self._settings.processes > 1
        if self._certificates is None:
            server = await asyncio.get_running_loop().create_server(
                self._accept, self._host, self.port, backlog=BACKLOG, reuse_port=share or None
            )
            self._open.callback(server.close)
            return int(server.sockets[0].getsockname()[1])
        listening = listen(self._host, self.port, BACKLOG, share=share)
        patience = self._settings.artim_timeout
        await self._open.enter_async_context(
            TlsPort(
                listening,
                self._certificates.context,
                lambda address: TlsGuest(address, self._accept, patience),
                patience,
            )
        )
        return int(listening[0].getsockname()[1])

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.aclose()
        if self._associations and self._settings.drain_seconds:
            await asyncio.wait(self._associations, timeout=self._settings.drain_seconds)
        for association in self._associations.values():
            association.channel.stop()
        if self._associations:
            _, late = await asyncio.wait(self._associations, timeout=self._grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _accept(self) -> Channel:
        return Association(
            self._settings,
            self._admission,
            self._seats,
            self._services,
            self._rules,
            self._buffer,
            self._start,
        ).channel

    def _start(self, association: Association) -> None:
        task = asyncio.get_running_loop().create_task(association.run())
        self._associations[task] = association
        task.add_done_callback(self._associations.pop)
