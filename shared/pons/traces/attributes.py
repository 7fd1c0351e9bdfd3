# SPDX-License-Identifier: Apache-2.0
"""Everything that a span may say; OpenTelemetry's names where it has one.

As in logs there are UIDs, AE titles and addresses of machines. There is nothing that a person
typed or a dataset holds: no name, birth date, accession number, query, path or error message.
"""

from enum import StrEnum


class Attribute(StrEnum):
    """Names of attributes. What is not here cannot be said."""

    # semantic conventions
    CLIENT_ADDRESS = "client.address"
    SERVER_ADDRESS = "server.address"
    SERVER_PORT = "server.port"
    NETWORK_PROTOCOL = "network.protocol.name"
    ERROR_TYPE = "error.type"
    HTTP_METHOD = "http.request.method"
    HTTP_ROUTE = "http.route"
    """The template of the path, without what stands for its variables."""
    HTTP_STATUS = "http.response.status_code"
    MESSAGING_SYSTEM = "messaging.system"
    MESSAGING_OPERATION = "messaging.operation.type"
    MESSAGING_DESTINATION = "messaging.destination.name"
    MESSAGING_BATCH = "messaging.batch.message_count"
    RPC_SYSTEM = "rpc.system"
    RPC_SERVICE = "rpc.service"
    RPC_METHOD = "rpc.method"

    # ours
    CALLING_AET = "pons.dicom.calling_aet"
    CALLED_AET = "pons.dicom.called_aet"
    SOP_CLASS_UID = "pons.dicom.sop_class_uid"
    SOP_INSTANCE_UID = "pons.dicom.sop_instance_uid"
    DICOM_STATUS = "pons.dicom.status"
    """Four hexadecimal digits."""
    REQUESTS = "pons.dicom.requests"
    OBJECT_KEY = "pons.object.key"
    BYTES = "pons.bytes"
    OUTCOME = "pons.outcome"
    CHANGE_TYPE = "pons.change.type"
    CHANGE_SEQ = "pons.change.seq"
    RESOURCE_ID = "pons.resource.id"
    """Orthanc's identifier."""
    JOB_ID = "pons.job.id"
    JOB_TYPE = "pons.job.type"
    DESTINATION = "pons.destination"
    """A modality, peer or webhook, as it is named in the settings."""
