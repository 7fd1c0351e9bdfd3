# SPDX-License-Identifier: Apache-2.0
"""TLS below HTTP, DICOM and what a store asks of other servers."""
