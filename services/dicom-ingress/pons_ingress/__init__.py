# SPDX-License-Identifier: Apache-2.0
"""The DICOM port: associations of peers that verify (C-ECHO) and store (C-STORE)."""
