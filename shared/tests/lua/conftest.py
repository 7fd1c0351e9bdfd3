# SPDX-License-Identifier: Apache-2.0
"""Scripts of tests."""

from .opening import opened as opened
