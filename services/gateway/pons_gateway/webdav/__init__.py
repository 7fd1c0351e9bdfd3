# SPDX-License-Identifier: Apache-2.0
"""The store as a WebDAV share: folders of patients, studies, dates, UIDs, and one for uploads."""

from pons_gateway.webdav.share import PREFIX, Share, is_shared

__all__ = ["PREFIX", "Share", "is_shared"]
