# SPDX-License-Identifier: Apache-2.0
"""Answers about metadata."""

from pydantic import RootModel

from pons_gateway.models.examples import example


class MetadataValues(RootModel[dict[str, str]]):
    """Name of a metadata, or its number, to its value."""

    model_config = example(RemoteAET="CT1")
