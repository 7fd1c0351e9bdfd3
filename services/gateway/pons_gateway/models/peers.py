# SPDX-License-Identifier: Apache-2.0
"""How peers are shown; `pons.remotes` describes them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Operation = Literal["configuration"]


class ShownPeer(BaseModel):
    """A peer without its secrets: passwords are null, headers have no values; notes are there."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "HttpHeaders": ["X-Department"],
                    "Password": None,
                    "Pkcs11": False,
                    "Timeout": 10,
                    "Url": "https://archive.example.org/",
                    "Username": "pons",
                }
            ]
        },
    )

    Url: str = Field(description="Address of its REST API.")
    HttpHeaders: list[str] = Field(description="Names of the headers that go with each request.")
    Pkcs11: bool = Field(description="Whether the key is in hardware.")
    Timeout: int = Field(description="Seconds to wait for it; 0: as in the settings.")
    Username: str | None = Field(None, description="Name to authenticate with.")
    Password: None = Field(None, description="Always null.")
    CertificateFile: str | None = Field(None, description="Path of a client's certificate.")
    CertificateKeyFile: str | None = Field(None, description="Path of its key.")
    CertificateKeyPassword: None = Field(None, description="Always null.")
