# SPDX-License-Identifier: Apache-2.0
"""How modalities and peers are described, in the settings as over REST: with Orthanc's names.

What the store keeps of them, and tells its processes, is `pons.messages.modality.Modality` and
`pons.remotes.peers.OtherStore`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    StrictBool,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema

from pons.limits.mistakes import without_values
from pons.messages import modality
from pons.remotes.values import (
    Address,
    AETitle,
    HeaderName,
    HeaderValue,
    HostName,
    OptionalAETitle,
    PortNumber,
    PresentManufacturer,
    UserName,
    WholeSeconds,
)


class Description(BaseModel):
    """An object, or one of the arrays that may stand for it: their values are its first fields."""

    ARRAYS: ClassVar[tuple[tuple[str, ...], ...]]

    @model_validator(mode="before")
    @classmethod
    def _of_array(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            for names in cls.ARRAYS:
                if len(value) == len(names):
                    return dict(zip(names, value, strict=True))
        elif isinstance(value, Mapping):
            return value
        forms = " or ".join(f"[{', '.join(names)}]" for names in cls.ARRAYS)
        raise ValueError(f"expected an object, {forms}")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        described = handler.resolve_ref_schema(handler(core_schema))
        if handler.mode == "serialization":
            return described
        fields = described["properties"]
        arrays = [
            {
                "type": "array",
                "prefixItems": [fields[name] for name in names],
                "minItems": len(names),
                "maxItems": len(names),
            }
            for names in cls.ARRAYS
        ]
        about = {name: described.pop(name) for name in ("title", "description", "examples")}
        return {**about, "anyOf": [described, *arrays]}


class Modality(Description):
    """A DICOM peer: where it is, and what it may ask of this store.

    Also `[AET, Host, Port]` or `[AET, Host, Port, Manufacturer]`; other keys are ignored.
    """

    ARRAYS = (("AET", "Host", "Port"), ("AET", "Host", "Port", "Manufacturer"))
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"AET": "WORKSTATION", "Host": "192.0.2.1", "Port": 104}]}
    )

    AET: AETitle = Field(description="Its AE title.")
    Host: HostName = Field(description="Its host name or address.")
    Port: PortNumber = Field(description="Its port: a number, or its text.")
    Manufacturer: PresentManufacturer = Field(
        "Generic", description="Whose peculiarities it has; older names are understood."
    )
    AllowEcho: StrictBool = Field(True, description="Whether it may send C-ECHO.")
    AllowStore: StrictBool = Field(True, description="Whether it may send C-STORE.")
    AllowFind: StrictBool = Field(True, description="Whether it may send C-FIND.")
    AllowFindWorklist: StrictBool = Field(True, description="Whether it may ask for worklists.")
    AllowGet: StrictBool = Field(True, description="Whether it may send C-GET.")
    AllowMove: StrictBool = Field(True, description="Whether it may send C-MOVE.")
    AllowNAction: StrictBool = Field(True, description="Whether it may ask for commitment.")
    AllowEventReport: StrictBool = Field(True, description="Whether it may report commitment.")
    AllowStorageCommitment: StrictBool = Field(
        True,
        exclude=True,
        description="Stands for `AllowNAction` and `AllowEventReport` where those are missing.",
    )
    AllowTranscoding: StrictBool = Field(True, description="Whether files are re-encoded for it.")
    UseDicomTls: StrictBool = Field(False, description="Whether it is to be called with TLS.")
    LocalAet: OptionalAETitle = Field(
        "", description="AE title of this store when it calls; empty: that of the settings."
    )
    Timeout: WholeSeconds = Field(0, description="Seconds to wait for it; 0: as in the settings.")
    RetrieveMethod: modality.RetrieveMethod = Field(
        "SystemDefault", description="How instances are retrieved from it."
    )


class Peer(Description):
    """Another store, and how this one authenticates there.

    Also `[Url]` or `[Url, Username, Password]`. Other keys are notes, whose values are texts. What
    is wrong is told without its value, which may be a secret.
    """

    ARRAYS = (("Url",), ("Url", "Username", "Password"))
    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "Url": "https://archive.example.org/",
                    "Username": "pons",
                    "Password": "secret",
                    "HttpHeaders": {"X-Department": "nm"},
                    "Timeout": 10,
                }
            ]
        },
    )
    __pydantic_extra__: dict[str, str]

    Url: Address = Field(description="Address of its REST API.")
    Username: UserName | None = Field(None, description="Name to authenticate with.")
    Password: str | None = Field(None, description="Password to authenticate with.")
    HttpHeaders: dict[HeaderName, HeaderValue] = Field(
        {}, description="Headers that go with each request."
    )
    CertificateFile: str | None = Field(None, description="Path of a client's certificate.")
    CertificateKeyFile: str | None = Field(None, description="Path of its key.")
    CertificateKeyPassword: str | None = Field(None, description="Password of that key.")
    Pkcs11: StrictBool = Field(False, description="Whether the key is in hardware.")
    Timeout: WholeSeconds = Field(0, description="Seconds to wait for it; 0: as in the settings.")

    @model_validator(mode="wrap")
    @classmethod
    def _without_secrets(cls, value: Any, handler: ModelWrapValidatorHandler["Peer"]) -> "Peer":
        try:
            return handler(value)
        except ValidationError as error:
            raise without_values(error) from None

    @property
    def notes(self) -> dict[str, str]:
        """What users have written beside."""
        return self.__pydantic_extra__
