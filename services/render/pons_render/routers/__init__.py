# SPDX-License-Identifier: Apache-2.0
"""Every router of render."""

from pons_render.routers import archives, frames, images

ROUTERS = (images.router, frames.router, archives.router)
