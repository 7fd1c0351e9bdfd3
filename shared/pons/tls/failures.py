# SPDX-License-Identifier: Apache-2.0
"""Why there is no TLS with somebody, in our words."""

import ssl
from dataclasses import asdict

from pons.tls.contexts import Names

NO_TLS = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS",
    "HTTP_REQUEST": "it speaks HTTP",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for our certificate (setting {certificate})",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not trust our certificate, nor who signed it",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it does not take our certificate, which is out of date",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not take our certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not take our certificate",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "it does not take certificates of this kind",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it wants another cipher, or a certificate of ours "
    "(setting {certificate})",
    "NO_SHARED_CIPHER": "it knows no cipher that we take (setting {ciphers})",
    "UNSUPPORTED_PROTOCOL": "it speaks no version of TLS that we take (setting {minimum_version})",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it takes no version of TLS that we speak "
    "(setting {minimum_version})",
    "UNEXPECTED_EOF_WHILE_READING": "it closed the connection amid the handshake",
}
"""What OpenSSL's reasons mean, of both sides of a handshake."""
NOT_BELIEVED = {
    9: "its certificate is not valid yet",
    10: "its certificate is out of date",
    18: "its certificate is signed by itself, and not among those of setting {trusted}",
    19: "an authority signed its certificate that is not among those of setting {trusted}",
    20: "an authority signed its certificate that is not among those of setting {trusted}",
    21: "an authority signed its certificate that is not among those of setting {trusted}",
    26: "its certificate is not made for this side of a connection",
    62: "its certificate is for another host (setting {check_host})",
    64: "its certificate is for another address (setting {check_host})",
}
"""What OpenSSL's results of a verification mean (X509_V_ERR_…)."""


def why_no_tls(error: OSError, names: Names) -> str:
    """What is behind the failure of a handshake, or of what follows it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        words = NOT_BELIEVED.get(error.verify_code, "its certificate is not valid")
    elif isinstance(error, ssl.SSLError):
        words = NO_TLS.get(error.reason or "", "it does not agree to TLS with us")
    else:
        words = "it closed the connection amid the handshake"
    return words.format_map(asdict(names))
