# SPDX-License-Identifier: Apache-2.0
"""What /metrics tells about sending; the only module with metric objects."""

from prometheus_client import Counter, Gauge

INSTANCES = Counter(
    "pons_egress_instances", "Instances sent, by modality and answer", ["modality", "status"]
)
BYTES = Counter("pons_egress_sent_bytes", "Bytes of the DICOM files sent", ["modality"])
PEER_INSTANCES = Counter(
    "pons_egress_peer_instances",
    "Instances sent over HTTP, by peer and outcome",
    ["peer", "status"],
)
PEER_BYTES = Counter("pons_egress_peer_sent_bytes", "Bytes sent over HTTP", ["peer"])
RECEIVED = Counter(
    "pons_egress_received_instances",
    "Instances retrieved by C-GET, by modality and whether they were kept",
    ["modality", "status"],
)
RECEIVED_BYTES = Counter(
    "pons_egress_received_bytes", "Bytes of the DICOM files retrieved by C-GET", ["modality"]
)
ASSOCIATIONS = Counter(
    "pons_egress_associations", "Associations asked for, by modality", ["modality", "outcome"]
)
ASSOCIATIONS_OPEN = Gauge("pons_egress_associations_open", "Associations established now")
COMMITMENTS = Counter(
    "pons_egress_commitments",
    "Instances of storage commitment reported, by modality and whether the store keeps them",
    ["modality", "outcome"],
)
ROUTED = Counter(
    "pons_routing_changes", "Changes put into queues of routing", ["rule", "destination"]
)
CIRCLES = Counter(
    "pons_routing_circles",
    "Changes not sent any more, as the same had gone there so often (`routing.rounds`)",
    ["rule", "destination"],
)
NOT_ROUTED = Counter("pons_routing_failed_changes", "Changes that no rule could be asked about")
LABELS_FAILED = Counter("pons_routing_failed_labels", "Labels of rules that could not be put")
WEBHOOKS = Counter("pons_egress_webhooks", "Requests to webhooks", ["webhook", "outcome"])
LUA_EVENTS = Counter(
    "pons_lua_events", "Functions of Lua scripts that were told of events", ["function", "outcome"]
)
