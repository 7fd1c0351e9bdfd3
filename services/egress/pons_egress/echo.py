# SPDX-License-Identifier: Apache-2.0
"""C-ECHO to a modality: does it answer, does it answer queries too, and if not, why."""

from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import build_context

from pons.dicom.network.dimse import VERIFICATION
from pons.jobs import StoreRequest
from pons.messages.egress import EchoModality
from pons.messages.services import Done
from pons.remotes.modalities import Modalities
from pons.settings import Settings
from pons_egress.peer import find_peer
from pons_egress.scu.association import Association, Offer
from pons_egress.scu.threads import ScuThreads

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PENDING = (0xFF00, 0xFF01)


class Echo:
    """Answers the command `EchoModality`."""

    def __init__(self, threads: ScuThreads, modalities: Modalities, settings: Settings) -> None:
        self._threads = threads
        self._modalities = modalities
        self._settings = settings

    async def __call__(self, command: EchoModality) -> Done:
        """Raises `NotFound` for an unknown modality, `RemoteFailure` when it does not answer."""
        modality = command.described or await self._modalities.read(command.modality)
        asked = StoreRequest(command.modality, [], timeout=command.timeout or 0.0)
        peer = find_peer(asked, modality, self._settings)
        await self._threads.run(peer, Offer([build_context(VERIFICATION)]), _echo)
        configured = self._settings.egress.echo_checks_find
        if configured if command.check_find is None else command.check_find:
            await self._threads.run(peer, Offer([build_context(STUDY_ROOT_FIND)]), _find_nothing)
        return Done()


def _echo(association: Association) -> None:
    try:
        status = association.requestor.send_c_echo()
    except RuntimeError:  # it is not established any more
        raise association.failure() from None
    _require_success(association, "C-ECHO", status)


def _find_nothing(association: Association) -> None:
    """Ask for a study that nobody has."""
    dataset = Dataset()
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.StudyInstanceUID = generate_uid()
    try:
        responses = association.requestor.send_c_find(dataset, STUDY_ROOT_FIND)
    except RuntimeError:
        raise association.failure() from None
    for status, _ in responses:
        if status.get("Status") not in PENDING:
            _require_success(association, "C-FIND", status)


def _require_success(association: Association, what: str, status: Dataset) -> None:
    if "Status" not in status:
        raise association.failure()
    if status.Status != 0:
        raise association.peer.failure(f"answered {what} with status 0x{status.Status:04X}")
