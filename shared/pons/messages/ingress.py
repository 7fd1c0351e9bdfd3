# SPDX-License-Identifier: Apache-2.0
"""Commands to dicom-ingress."""

import msgspec


class ListSopClasses(msgspec.Struct, frozen=True):
    """To dicom-ingress: which SOP classes may be stored, unknown ones aside?"""


class SopClasses(msgspec.Struct, frozen=True):
    """Answer to `ListSopClasses`: UIDs, sorted."""

    uids: list[str]
