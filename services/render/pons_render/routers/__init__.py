# SPDX-License-Identifier: Apache-2.0
"""Every router of render."""

from pons_render.routers import archives, images

ROUTERS = (images.router, archives.router)
