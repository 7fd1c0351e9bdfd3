# SPDX-License-Identifier: Apache-2.0
"""Association requests, and how they are answered."""

from typing import Any

from pynetdicom import build_context
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import PresentationContext

from pons.dicom.network.associate import decode_proposal
from pons.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from pons_ingress.negotiation import Agreement, Rules, negotiate
from pons_ingress.service_classes import Permission
from pons_ingress.syntaxes import StorageClasses

CT = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG_LS = "1.2.840.10008.1.2.4.80"
EVERYTHING = frozenset(Permission)
RULES = Rules(
    65536,
    storage=StorageClasses(),
    transfer_syntaxes=TRANSFER_SYNTAXES,
    offered=frozenset({Permission.ECHO, Permission.STORE}),
)


def request(*contexts: tuple[str, list[str]], user: tuple[Any, ...] = ()) -> bytes:
    """An A-ASSOCIATE-RQ as pynetdicom writes it, its contexts numbered 1, 3, 5."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title = "MODALITY"
    primitive.called_ae_title = "PONS"
    maximum_length = MaximumLengthNotification()
    maximum_length.maximum_length_received = 16382
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = "1.2.3.4"
    primitive.user_information = [maximum_length, implementation, *user]
    proposed = []
    for number, (abstract_syntax, transfer_syntaxes) in enumerate(contexts):
        context = build_context(abstract_syntax, transfer_syntaxes)
        context.context_id = 2 * number + 1
        proposed.append(context)
    primitive.presentation_context_definition_list = proposed
    return A_ASSOCIATE_RQ(primitive).encode()


def agree(pdu: bytes, rules: Rules = RULES) -> Agreement:
    return negotiate(decode_proposal(pdu), EVERYTHING, rules)


def answered(agreement: Agreement) -> tuple[A_ASSOCIATE_AC, dict[int, PresentationContext]]:
    """The answer and its contexts by number."""
    pdu = A_ASSOCIATE_AC()
    pdu.decode(agreement.reply)
    assert len(agreement.reply) == len(pdu)
    contexts = pdu.to_primitive().presentation_context_definition_results_list
    return pdu, {context.context_id or 0: context for context in contexts}
