# SPDX-License-Identifier: Apache-2.0
"""Modality worklists: what a department has scheduled, and how modalities ask for it (PS3.4 K)."""
