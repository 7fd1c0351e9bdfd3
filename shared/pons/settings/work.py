# SPDX-License-Identifier: Apache-2.0
"""Settings of what is done with images, pictures to jobs, and of the log."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from pons.settings.section import AnyPort, Seconds, Section
from pons.settings.values import proxy_address

TOKEN = re.compile(r"[!-~]{16,}")


def hard_to_guess(token: str) -> str:
    """A token as it is, or empty. Raises `ValueError` for one that might be guessed."""
    if token and not TOKEN.fullmatch(token):
        raise ValueError("a token has 16 letters, digits or signs at least, and no space")
    return token


class RenderSettings(Section):
    """Images"""

    host: str = Field("127.0.0.1", description="Address that render listens on.")
    port: AnyPort = Field(
        8043, description="Port that render listens on; the launcher picks a free one."
    )
    url: str = Field(
        "", description="Where other services find render. Empty: host and port above."
    )
    token: str = Field(
        "",
        repr=False,
        description="Secret that gateway, dicom-ingress and egress show render, which refuses "
        "everyone else (401); the same for all. Needed where render listens beyond loopback. The "
        "launcher makes one for each run.",
    )
    workers: int = Field(0, ge=0, le=256, description="Decoding processes; 0: one per core.")
    memory_mb: int = Field(
        384,
        ge=256,
        description="Memory that one decoding process may take, MiB. A frame may take a sixth of "
        "it once it is decoded (rows x columns x samples x bytes; 415 beyond): 64 MiB by default, "
        "such as 33 million pixels of 16 bits.",
    )
    timeout: Seconds = Field(30, description="Seconds that one image may take.")

    @field_validator("token")
    @classmethod
    def _hard_to_guess(cls, token: str) -> str:
        return hard_to_guess(token)


class ArchiveSettings(Section):
    """ZIPs of instances"""

    compression: Literal["store", "fast"] = Field(
        "store",
        description="store: files go into a ZIP as they are, as fast as the network. "
        "fast: with deflate's level 1, for slow links; images shrink little.",
    )
    stream: bool = Field(
        True,
        description="Send a ZIP while it is made. false: make it first, so that its length and "
        "every failure is known before the answer begins.",
    )
    utf8: bool = Field(False, description="Let names in a ZIP have other characters than ASCII's.")
    outputs: int = Field(1, ge=0, description="ZIPs made by jobs that are kept, the latest ones.")
    concurrent: int = Field(
        32,
        ge=1,
        le=1024,
        description="ZIPs that one render sends at once; more wait up to 15 s, then 503.",
    )


class EgressSettings(Section):
    """Sending to modalities and peers, and asking modalities"""

    timeout: Seconds = Field(
        10, description="Seconds to wait for a connection or an answer of a modality."
    )
    maximum_pdu_length: int = Field(
        65536, ge=4096, le=131072, description="Largest P-DATA that modalities may send."
    )
    preferred_transfer_syntax: Literal["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"] = Field(
        "1.2.840.10008.1.2.1",
        description="How an instance goes to a modality that does not take it as it is stored, "
        "where it takes both: Explicit (1.2.840.10008.1.2.1) or Implicit VR Little Endian "
        "(1.2.840.10008.1.2).",
    )
    http_timeout: Seconds = Field(
        60,
        description="Seconds to wait for a connection, an answer or any progress of a peer, where "
        "the peer has no `Timeout` of its own.",
    )
    http_connections: int = Field(
        4, ge=1, le=8, description="Connections over which one job sends to a peer at once."
    )
    https_verify: bool = Field(
        True,
        description="Whether a peer's certificate has to be valid. false: anybody on the way can "
        "read and change what is sent, and sees the password.",
    )
    https_ca_file: str = Field(
        "",
        description="Path of the certificates (PEM) that peers' certificates may be signed with. "
        "Empty: those of the system.",
    )
    http_proxy: Annotated[str, AfterValidator(proxy_address)] = Field(
        "",
        repr=False,
        description="The proxy through which peers are asked, such as `http://proxy:3128` or "
        "`http://name:password@proxy:3128`. Empty: none, whatever the environment says.",
    )
    retrieve_method: Literal["C-MOVE", "C-GET"] = Field(
        "C-MOVE",
        description="How instances are retrieved from modalities whose `RetrieveMethod` is "
        "`SystemDefault`.",
    )
    echo_checks_find: bool = Field(
        False,
        description="Ask a modality that is asked whether it is there to answer a query, too.",
    )
    commitment_reports: int = Field(
        100,
        ge=1,
        le=10_000,
        description="Requests for storage commitment that are kept with their reports; the oldest "
        "ones go first.",
    )
    scu_threads: int = Field(
        16,
        ge=1,
        le=256,
        description="Associations at once, per replica, that query modalities or retrieve from "
        "them; more wait.",
    )


class QueriesSettings(Section):
    """Queries to modalities, and their answers"""

    kept: int = Field(
        100, ge=1, le=10_000, description="Queries that stay listed; the oldest ones go first."
    )
    hours: float = Field(
        24, gt=0, description="Hours after which a query and its answers are forgotten."
    )
    answers_mb: int = Field(
        64,
        ge=1,
        le=1024,
        description="MB of answers that one query may have; beyond, it is broken off and fails.",
    )
    timeout: Seconds = Field(
        600, description="Seconds that a modality may take for all answers to a query."
    )


class WorklistsSettings(Section):
    """Modality worklists"""

    maximum: int = Field(
        10_000, ge=1, le=1_000_000, description="Entries that the store keeps at most (507 beyond)."
    )
    keep_hours: float = Field(
        24,
        ge=0,
        description="Hours after which an entry of the store ends by itself, counted from its last "
        "change and from the end of the day that its last step is scheduled for. 0: never.",
    )
    end_with_study: bool = Field(
        True,
        description="End an entry of one step when its study has come and is stable.",
    )
    interval: Seconds = Field(60, description="Seconds between looks for entries that are to end.")
    set_study_uid: bool = Field(
        True, description="Give an entry that lacks StudyInstanceUID a new one."
    )
    filter_station: bool = Field(
        False,
        description="Show a modality only steps that are scheduled for its own AE title.",
    )
    limit_answers: int = Field(
        0, ge=0, description="Answers to one query at most; 0: all that match."
    )
    charset: Literal["store", "entry"] = Field(
        "store",
        description="Character set of answers. store: `ingest.default_charset`, as in Orthanc, "
        "where characters that it lacks are lost. entry: the entry's own, or UTF-8 where that "
        "lacks some.",
    )
    folder: Path | None = Field(
        None,
        description="Folder of worklist files (`.wl`), as DCMTK's wlmscpfs reads them, that are "
        "shown beside the entries of the store.",
    )

    @field_validator("folder", mode="before")
    @classmethod
    def _none_when_empty(cls, folder: Any) -> Any:
        """An empty path would be the folder in which the service runs."""
        return folder or None


class JobsSettings(Section):
    """Jobs"""

    concurrent: int = Field(2, ge=1, le=64, description="Jobs that one replica runs at once.")
    history: int = Field(100, ge=1, description="Finished jobs that stay listed.")
    retry: Literal["routing", "asynchronous"] = Field(
        "routing",
        description="Jobs that are tried again when another system is down, aborts or does not "
        "answer. asynchronous: those of REST too that nobody waits for; one that is waited for "
        "fails at once.",
    )
    retries: int = Field(
        15,
        ge=0,
        le=1000,
        description="Tries in a row without progress before such a job is a dead letter. With the "
        "delays below the last one is 67 minutes after the first.",
    )
    retry_delay: Seconds = Field(
        1, description="Seconds before the first of them; each next one waits twice as long."
    )
    longest_retry_delay: Seconds = Field(600, description="Seconds that one of them waits at most.")
    dead_letters: int = Field(
        100,
        ge=2,
        description="Dead letters that are kept of each destination, the latest ones.",
    )

    @property
    def retry_delays(self) -> tuple[float, ...]:
        """Seconds before each next try after a network error."""
        longest = self.longest_retry_delay
        return tuple(min(self.retry_delay * 2.0**n, longest) for n in range(self.retries))


class RoutingSettings(Section):
    """Routing"""

    rules: dict[str, Any] = Field(
        {},
        description="What is sent where, and when: name to `{On=, When=[], To=[]}`, as "
        "[routing.md](routing.md) tells. Those changed over REST are kept by the store and win "
        "over these.",
    )
    webhooks: dict[str, Any] = Field(
        {},
        repr=False,
        description="What rules tell of changes: name to `{Url=, Secret=}`.",
    )
    concurrent: int = Field(
        16,
        ge=1,
        le=256,
        description="Destinations that one egress sends to at once; they have one job each.",
    )
    batch: int = Field(
        100, ge=1, le=1000, description="Changes that one job of a destination takes at most."
    )
    rounds: int = Field(
        10,
        ge=2,
        le=1000,
        description="How often within a day a rule sends the same instance, or a series or study "
        "of the same number of instances, to the same modality or peer. What comes by more often "
        "goes round in a circle of stores, which ends so.",
    )
    webhook_timeout: Seconds = Field(10, description="Seconds to wait for the answer of a webhook.")
    denied_networks: str = Field(
        "",
        description="Networks that no webhook may be in, and that no script may ask, such as "
        "`10.0.0.0/8, fc00::/7`; those of links and of the metadata of clouds are always denied.",
    )

    @field_validator("denied_networks")
    @classmethod
    def _networks(cls, text: str) -> str:
        for network in filter(None, (part.strip() for part in text.split(","))):
            ip_network(network)
        return text


class LuaSettings(Section):
    """Lua scripts"""

    execute: bool = Field(
        False, description="Run the Lua scripts that are posted to `/tools/execute-script`."
    )
    scripts: list[str] = Field(
        [],
        description="Paths of Lua scripts whose functions the store calls by Orthanc's names, such "
        "as `OnStoredInstance`. Every service that calls some loads all of them, in this order.",
    )
    callbacks: bool = Field(
        False,
        description="Let scripts that are posted define such functions, too: what they define "
        "stays, where each would begin with nothing otherwise.",
    )
    timeout: Seconds = Field(
        10,
        description="Seconds that one filter may run, and one script that is posted, unless "
        "`callbacks` is on.",
    )
    event_timeout: Seconds = Field(
        60,
        description="Seconds that a function may take that is told of an event, with what it asks "
        "of REST, and with `callbacks` a script that is posted, which runs where these do.",
    )
    heart_beat: float = Field(
        0, ge=0, description="Seconds between calls of `OnHeartBeat`, in each egress. 0: never."
    )
    memory_mb: int = Field(64, ge=1, le=4096, description="Memory that one script may use, MiB.")
    url: str = Field(
        "",
        description="Where scripts' `RestApiGet` and its like find the gateway. Empty: "
        "`http.port` of this machine.",
    )
    token: str = Field(
        "",
        repr=False,
        description="Secret that such calls show the gateway, which lets them in as the store "
        "itself; the same for dicom-ingress, egress and gateway. The launcher makes one for each "
        "run.",
    )

    @property
    def calls_back(self) -> bool:
        """Whether functions of scripts are called."""
        return self.callbacks or bool(self.scripts)

    @field_validator("token")
    @classmethod
    def _hard_to_guess(cls, token: str) -> str:
        return hard_to_guess(token)


class TracesSettings(Section):
    """What became of an instance or a request, for OpenTelemetry's tools"""

    endpoint: str = Field(
        "",
        pattern=r"^(https?://[^/\s]+(/\S*)?)?$",
        description="Where spans are sent (OTLP over HTTP, protobuf): the whole address, such as "
        "`http://collector:4318/v1/traces`. Empty: nothing is recorded, whatever `OTEL_` variables "
        "say.",
    )
    sample: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the associations and requests that are traced. Whoever sends a "
        "`traceparent` decides it for that request. 0: only those are.",
    )
    headers: dict[str, str] = Field(
        {},
        description="Headers of each request to the endpoint, such as a token: as JSON, and best "
        "in a file (`PONS_TRACES_HEADERS_FILE`).",
    )
    tls_ca: str = Field(
        "",
        description="Path of the certificates (PEM) of the endpoint, or of the authorities that "
        "sign it. Empty: those that are widely believed (certifi).",
    )


class LogSettings(Section):
    """Logs"""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level.")
    format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: key=value on a terminal, JSON otherwise."
    )
