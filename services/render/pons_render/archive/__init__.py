# SPDX-License-Identifier: Apache-2.0
"""Archives and media: instances in a ZIP, streamed in constant memory, or made by a job."""

from pons_render.archive.job import ArchiveJob
from pons_render.archive.plan import Catalog
from pons_render.archive.stream import Archives

__all__ = ["ArchiveJob", "Archives", "Catalog"]
