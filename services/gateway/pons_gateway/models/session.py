# SPDX-License-Identifier: Apache-2.0
"""What logging in takes, and what the page is told of who has."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

import pons
from pons_gateway.models.examples import STRICT, example

CAMEL = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class Login(BaseModel):
    """A user and his password."""

    model_config = STRICT | example(user="alice", password="secret")  # noqa: S106 an example

    user: str = Field(max_length=256, description="A name of setting `http.users`.")
    password: str = Field(max_length=1024, description="His password.")


class SessionState(BaseModel):
    """Who asks, what he may do, and what this store has."""

    model_config = CAMEL | example(
        user="alice",
        signedInBy="session",
        login=True,
        minutes=30,
        endsAt="2026-11-29T08:00:00Z",
        actions=["delete", "download", "label", "upload", "view"],
        readOnly=False,
        features=["modalities", "patients", "peers", "worklists"],
        locale="",
        store="main",
        title="Pons",
        aet="PONS",
        dicomPort=4242,
        version=pons.__version__,
    )

    user: str | None = Field(
        description="Who asks; empty where the store has no users, null where he has to log in."
    )
    signed_in_by: Literal["session", "basic", "none"] = Field(
        description="By a session, by Basic authentication, or by neither."
    )
    login: bool = Field(description="Whether there are users, who can log in and out.")
    minutes: int = Field(
        description="The session ends so many minutes after the last request, of which the "
        "stream of changes is none; 0 without a session."
    )
    ends_at: str | None = Field(
        description="When the session ends whatever is asked, in UTC; null without one."
    )
    actions: list[str] = Field(description="What he may do; nothing where he has to log in.")
    read_only: bool = Field(description="Whether the store takes and changes nothing.")
    features: list[str] = Field(description="What this store has of what a store can have.")
    locale: Literal["", "de", "en", "fr"] = Field(
        description="Language for who has chosen none; empty: the browser's."
    )
    store: str = Field(description="Name of the store among others of one installation.")
    title: str = Field(description="Name of the store for people; everybody is told.")
    aet: str = Field(description="Application entity title of the DICOM port.")
    dicom_port: int = Field(description="Port of DICOM associations.")
    version: str = Field(description="The version of Pons.")
