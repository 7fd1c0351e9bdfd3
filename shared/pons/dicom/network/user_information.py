# SPDX-License-Identifier: Apache-2.0
"""What each side of an association says of itself (PS3.7 annex D, PS3.8 annex D)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct, error
from typing import Any, NamedTuple

from pons import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from pons.dicom.network.items import decode_items, encode_item, malformed

MAX_ITEMS = 3 * 128 + 6
"""A role and two extended negotiations for each context, and what there is once."""

USERNAME, USER_AND_PASSWORD = 1, 2
"""Kinds of user identity; the first brings nothing to verify (PS3.7 D.3.3.7.1)."""

LENGTH, SHORT, PAIR, FLAGS = Struct(">I"), Struct(">H"), Struct(">HH"), Struct("BB")


@dataclass(frozen=True, slots=True)
class Role:
    """Which roles the requestor takes for a SOP class (PS3.7 D.3.3.4)."""

    sop_class_uid: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class ExtendedNegotiation:
    """What a service class has to negotiate about a SOP class (PS3.7 D.3.3.5)."""

    sop_class_uid: str
    information: bytes
    """Its meaning is the service class's; one byte for each option, with most of them."""


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """Who asks for an association (PS3.7 D.3.3.7.1)."""

    kind: int
    response_requested: bool
    primary: bytes = field(repr=False)
    secondary: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class UserInformation:
    """The parts of the user information; None or nothing for what one side does not send."""

    maximum_length: int | None = None
    """Largest P-DATA that this side takes, 0 for any."""
    implementation_class_uid: str | None = None
    operations_window: tuple[int, int] | None = None
    """Operations invoked and performed at a time."""
    roles: tuple[Role, ...] = ()
    implementation_version_name: str | None = None
    extended: tuple[ExtendedNegotiation, ...] = ()
    identity: UserIdentity | None = None
    identity_response: bytes | None = None


class Part(NamedTuple):
    """A kind of sub-item: the field that it fills, and its two codecs."""

    name: str
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    many: bool = False


def our_information(maximum_length: int, **parts: Any) -> UserInformation:
    """What Pons says of itself, with what else there is to say on this association."""
    return UserInformation(
        maximum_length=maximum_length,
        implementation_class_uid=IMPLEMENTATION_CLASS_UID,
        implementation_version_name=IMPLEMENTATION_VERSION_NAME,
        **parts,
    )


def encode_user_information(user: UserInformation) -> bytes:
    """The content of the item."""
    encoded = []
    for kind, part in PARTS.items():
        value = getattr(user, part.name)
        values = value if part.many else () if value is None else (value,)
        encoded += [encode_item(kind, part.encode(one)) for one in values]
    return b"".join(encoded)


def decode_user_information(content: bytes) -> UserInformation:
    """Read the content of the item; parts of other kinds are skipped, and later ones of a kind
    that there may be once. Raises `ProtocolError` for one that cannot be read."""
    found: dict[str, Any] = {}
    for number, (kind, value) in enumerate(decode_items(content)):
        if number >= MAX_ITEMS:
            raise malformed(f"more than {MAX_ITEMS} parts in the user information")
        if (part := PARTS.get(kind)) is None:
            continue
        try:
            decoded = part.decode(value)
        except (error, UnicodeDecodeError) as problem:
            raise malformed(f"user information 0x{kind:02X} cannot be read") from problem
        if part.many:
            found[part.name] = (*found.get(part.name, ()), decoded)
        else:
            found.setdefault(part.name, decoded)
    return UserInformation(**found)


def _decode_uid(content: bytes) -> str:
    return content.decode("ascii").strip("\0 ")


def _decode_name(content: bytes) -> str:
    return content.decode("ascii", "replace").strip("\0 ")


def _encode_role(role: Role) -> bytes:
    return _with_length(role.sop_class_uid.encode("ascii")) + bytes((role.scu, role.scp))


def _decode_role(content: bytes) -> Role:
    uid, rest = _length_first(content)
    scu, scp = FLAGS.unpack_from(rest)
    return Role(_decode_uid(uid), bool(scu), bool(scp))


def _encode_extended(extended: ExtendedNegotiation) -> bytes:
    return _with_length(extended.sop_class_uid.encode("ascii")) + extended.information


def _decode_extended(content: bytes) -> ExtendedNegotiation:
    uid, information = _length_first(content)
    return ExtendedNegotiation(_decode_uid(uid), information)


def _encode_identity(identity: UserIdentity) -> bytes:
    head = bytes((identity.kind, identity.response_requested))
    return head + _with_length(identity.primary) + _with_length(identity.secondary)


def _decode_identity(content: bytes) -> UserIdentity:
    kind, response_requested = FLAGS.unpack_from(content)
    primary, rest = _length_first(content[2:])
    secondary, _ = _length_first(rest)
    return UserIdentity(kind, bool(response_requested), primary, secondary)


def _with_length(content: bytes) -> bytes:
    return SHORT.pack(len(content)) + content


def _length_first(content: bytes) -> tuple[bytes, bytes]:
    """A text that tells its length, and what follows it."""
    (length,) = SHORT.unpack_from(content)
    end = SHORT.size + length
    if end > len(content):
        raise malformed("a length in the user information is more than what there is")
    return content[SHORT.size : end], content[end:]


PARTS = {
    0x51: Part("maximum_length", LENGTH.pack, lambda content: LENGTH.unpack(content)[0]),
    0x52: Part("implementation_class_uid", str.encode, _decode_uid),
    0x53: Part("operations_window", lambda window: PAIR.pack(*window), PAIR.unpack),
    0x54: Part("roles", _encode_role, _decode_role, many=True),
    0x55: Part("implementation_version_name", str.encode, _decode_name),
    0x56: Part("extended", _encode_extended, _decode_extended, many=True),
    0x58: Part("identity", _encode_identity, _decode_identity),
    0x59: Part("identity_response", _with_length, lambda content: _length_first(content)[0]),
}
"""The parts that are written and read, by the type of their item."""
