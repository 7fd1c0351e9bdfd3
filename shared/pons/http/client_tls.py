# SPDX-License-Identifier: Apache-2.0
"""How those whom we ask over HTTPS show who they are."""

import ssl

from pons.errors import BadRequest


def client_context(ca_file: str, *, verify: bool) -> ssl.SSLContext:
    """Believes what `ca_file` vouches for (empty: the system); everybody, unless `verify`.

    Reads files. Raises `BadRequest` for one that holds no certificates.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise BadRequest("Setting egress.https_ca_file names no file of certificates") from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
