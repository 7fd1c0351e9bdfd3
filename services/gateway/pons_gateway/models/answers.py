# SPDX-License-Identifier: Apache-2.0
"""Answers that many routes give."""

from pydantic import BaseModel


class Done(BaseModel):
    """An empty object: what was asked is done."""
