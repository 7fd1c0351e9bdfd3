# SPDX-License-Identifier: Apache-2.0
"""Types of what describes another system: AE titles, ports, addresses, headers."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from pons.messages.modality import Manufacturer

OLD_MANUFACTURERS: dict[str, Manufacturer] = {
    "AgfaImpax": "GenericNoWildcardInDates",
    "ClearCanvas": "Generic",
    "Dcm4Chee": "Generic",
    "EFilm2": "Generic",
    "MedInria": "Generic",
    "StoreScp": "Generic",
    "SyngoVia": "GenericNoWildcardInDates",
}
"""Names that older configurations still hold, and what Orthanc takes them for."""

LARGEST_PORT = 65534
AE_TITLE = r"(?=.*[^ ])[ -\[\]-~]{1,16}"
"""PS3.5 6.2: 16 characters without backslash, not only spaces."""


def matching(pattern: str, expected: str) -> AfterValidator:
    """Text that matches as a whole; a mistake says what was `expected`, not the pattern."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(f"expected {expected}")
        return text

    return AfterValidator(check)


def number_of_text(value: Any) -> Any:
    """Text of a number as that number; anything else as it is, for the type to judge."""
    try:
        return int(value) if isinstance(value, str) else value
    except ValueError:
        return value


def present_name(value: Any) -> Any:
    """A manufacturer's name of today, for one of earlier."""
    return OLD_MANUFACTURERS.get(value, value) if isinstance(value, str) else value


def ending_in_slash(url: str) -> str:
    """The address of a store, with a slash at its end."""
    if not is_web_address(url) or urlsplit(url).query:
        raise ValueError("expected http://host/ or https://host/")
    return url if url.endswith("/") else f"{url}/"


def web_address(url: str) -> str:
    """An address of HTTP, which is shown: so it has no password in it."""
    if not is_web_address(url) or "@" in urlsplit(url).netloc:
        raise ValueError("expected an address that begins with http:// or https://, without user")
    return url


def is_web_address(url: str) -> bool:
    """Whether it names a host, and no place within what is there."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        fine = fine and parts.username is None  # shown, and part of messages
    except ValueError:  # a port that is no number, or too large
        return False
    return bool(fine) and not parts.fragment and re.fullmatch(r"[\x21-\x7e]+", url) is not None


AETitle = Annotated[
    str, matching(AE_TITLE, "1 to 16 characters without backslash"), AfterValidator(str.strip)
]
OptionalAETitle = Annotated[
    str,
    matching(f"({AE_TITLE})?", "1 to 16 characters without backslash"),
    AfterValidator(str.strip),
]
PortNumber = Annotated[
    int, Field(strict=True, ge=1, le=LARGEST_PORT), BeforeValidator(number_of_text)
]
HostName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
WholeSeconds = Annotated[int, Field(strict=True, ge=0)]
UserName = Annotated[str, matching("[^:]*", "a name without colon, which HTTP cannot send")]
HeaderName = Annotated[str, matching(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", "the name of an HTTP header")]
HeaderValue = Annotated[str, matching(r"[\t\x20-\x7e\x80-\xff]*", "a text of one line")]
Address = Annotated[str, AfterValidator(ending_in_slash)]
WebAddress = Annotated[str, AfterValidator(web_address)]
PresentManufacturer = Annotated[Manufacturer, BeforeValidator(present_name)]
