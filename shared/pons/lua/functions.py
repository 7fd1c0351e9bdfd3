# SPDX-License-Identifier: Apache-2.0
"""The functions that the store calls where scripts define them, by Orthanc's names."""

from pons.dicom.levels import LEVELS

INITIALIZE, FINALIZE, HEART_BEAT = "Initialize", "Finalize", "OnHeartBeat"
RECEIVED_INSTANCE = "ReceivedInstanceFilter"
RECEIVED_C_STORE = "ReceivedCStoreInstanceFilter"
INCOMING_HTTP = "IncomingHttpRequestFilter"
INCOMING_FIND = "IncomingFindRequestFilter"
INCOMING_WORKLIST = "IncomingWorklistRequestFilter"
OUTGOING_FIND = "OutgoingFindRequestFilter"
OUTGOING_C_STORE = "OutgoingCStoreInstanceFilter"
JOB_SUBMITTED, JOB_SUCCESS, JOB_FAILURE = "OnJobSubmitted", "OnJobSuccess", "OnJobFailure"

EVENTS: dict[tuple[str, str], str] = {
    ("NewInstance", "Instance"): "OnStoredInstance",
    **{(f"Stable{level}", level): f"OnStable{level}" for level in LEVELS[:3]},
    **{
        (kind, level): f"OnUpdated{level}"
        for kind in ("UpdatedMetadata", "UpdatedAttachment")
        for level in LEVELS
    },
}
"""A change's type and level to the function that is told of it."""

DELETED: dict[str, str] = {level: f"OnDeleted{level}" for level in LEVELS}
"""The level of a resource that is gone to the function that is told of it."""

CALLBACKS = (
    INITIALIZE,
    FINALIZE,
    RECEIVED_INSTANCE,
    RECEIVED_C_STORE,
    INCOMING_HTTP,
    INCOMING_FIND,
    INCOMING_WORKLIST,
    OUTGOING_FIND,
    OUTGOING_C_STORE,
    *dict.fromkeys(EVENTS.values()),
    *DELETED.values(),
    JOB_SUBMITTED,
    JOB_SUCCESS,
    JOB_FAILURE,
    HEART_BEAT,
)
