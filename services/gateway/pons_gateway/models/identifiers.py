# SPDX-License-Identifier: Apache-2.0
"""Identifiers that examples show."""

ID = "6a3f1c05-9be0c7a4-2f0d11d3-5c8e0b77-aa6e94f1"
ANOTHER = "0f0c9d3b-77f7a1de-64f2b0c8-1b3e5a90-d2c4e6f8"
JOB = "3f4e8d1c-6f0a-4b5e-9c2d-7a1b0e8f6d54"
