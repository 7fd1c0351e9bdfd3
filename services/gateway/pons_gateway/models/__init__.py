# SPDX-License-Identifier: Apache-2.0
"""Bodies, queries and answers of the interface, with Orthanc's names as they are on the wire."""
