# SPDX-License-Identifier: Apache-2.0
"""Answers about attachments."""

from pydantic import BaseModel, Field, RootModel

from pons_gateway.models.examples import OBJECT, example

MD5 = "5d41402abc4b2a76b9719d911017c592"


class AttachmentInfo(BaseModel):
    """What is known of an attachment."""

    model_config = example(
        Uuid=OBJECT,
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


class AttachmentNumbers(RootModel[dict[str, int]]):
    """Name of an attachment to its number."""

    model_config = example(dicom=1)
