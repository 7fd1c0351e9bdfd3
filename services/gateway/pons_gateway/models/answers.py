# SPDX-License-Identifier: Apache-2.0
"""Answers that many routes give, or that a standard describes."""

from typing import Any

from pydantic import BaseModel, RootModel


class Done(BaseModel):
    """An empty object: what was asked is done."""


class Document(RootModel[dict[str, Any]]):
    """This description, by OpenAPI."""


class DicomJson(RootModel[dict[str, dict[str, Any]]]):
    """Tag to `vr` with `Value`, `InlineBinary` or nothing, as DICOM JSON has it (PS3.18 F)."""
