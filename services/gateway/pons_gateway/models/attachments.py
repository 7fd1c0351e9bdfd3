# SPDX-License-Identifier: Apache-2.0
"""Answers about attachments."""

from pydantic import BaseModel, Field

from pons_gateway.models.resources import example

MD5 = "5d41402abc4b2a76b9719d911017c592"


class AttachmentInfo(BaseModel):
    """What is known of an attachment."""

    model_config = example(
        Uuid="0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10",
        ContentType=1024,
        UncompressedSize=5,
        CompressedSize=5,
        UncompressedMD5=MD5,
        CompressedMD5=MD5,
    )

    Uuid: str = Field(description="Key of the file among the objects.")
    ContentType: int = Field(description="Number of the attachment.")
    UncompressedSize: int = Field(description="Bytes of the file.")
    CompressedSize: int = Field(description="Bytes of the file as it is stored.")
    UncompressedMD5: str = Field(description="MD5 of the file.")
    CompressedMD5: str = Field(description="MD5 of the file as it is stored.")


class Nothing(BaseModel):
    """An empty object: it is done."""

    model_config = example()
