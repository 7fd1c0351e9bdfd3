# SPDX-License-Identifier: Apache-2.0
"""What /metrics tells about the DICOM port; the only module with metric objects."""

from prometheus_client import Counter, Gauge, Histogram

ASSOCIATIONS_OPEN = Gauge("pons_dicom_associations_open", "Associations established now")
ASSOCIATIONS = Counter(
    "pons_dicom_associations", "Associations by how they ended or why there was none", ["outcome"]
)
INSTANCES = Counter(
    "pons_dicom_instances", "C-STORE requests by what became of them", ["outcome", "status"]
)
BYTES = Counter("pons_dicom_received_bytes", "Bytes of the DICOM files received by C-STORE")
STORE_SECONDS = Histogram(
    "pons_dicom_store_seconds",
    "Seconds from the end of a dataset to its response",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
RETRIEVALS = Counter(
    "pons_dicom_retrievals", "C-MOVE and C-GET requests by their final status", ["kind", "status"]
)
RETRIEVE_SECONDS = Histogram(
    "pons_dicom_retrieve_seconds",
    "Seconds from a C-MOVE or C-GET request to its final response",
    ["kind"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
ECHOES = Counter("pons_dicom_echoes", "C-ECHO requests answered")
FINDS = Counter("pons_dicom_finds", "C-FIND requests by their final status", ["status"])
FIND_SECONDS = Histogram(
    "pons_dicom_find_seconds",
    "Seconds from a C-FIND request to its final response",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
COMMITMENT_REPORTS = Counter(
    "pons_dicom_commitment_reports", "N-EVENT-REPORT requests by their status", ["status"]
)
COMMITMENT_REQUESTS = Counter(
    "pons_dicom_commitment_requests", "N-ACTION requests by their status", ["status"]
)
