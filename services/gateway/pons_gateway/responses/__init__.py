# SPDX-License-Identifier: Apache-2.0
"""Answers: how they are written, whole, in pages or in pieces."""
