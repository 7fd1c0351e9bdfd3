# SPDX-License-Identifier: Apache-2.0
"""Stored files as answers, whole or in part."""
