# SPDX-License-Identifier: Apache-2.0
"""Options of Orthanc's file: what each sets, and the sentence of each that sets nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from pons.dicom.encodings import CODECS
from pons.settings import load_settings, sections
from pons_embedded.development import page_faults
from pons_embedded.errors import Refusal
from pons_embedded.folder import CHECKOUT
from pons_embedded.orthanc.options import Same, Without
from pons_embedded.orthanc.table import CHAPTERS, OPTIONS
from pons_embedded.orthanc.translate import Translated, merged, translate

ORTHANC_1_13 = """
Name StorageDirectory IndexDirectory TemporaryDirectory StorageCompression MaximumStorageSize
MaximumPatientCount MaximumStorageMode StoreDicom StoreMD5ForAttachments SyncStorageArea
OverwriteInstances StableAge ReadOnly PatientLevelEnabled DatabaseServerIdentifier CheckRevisions
SaveJobs ExtraMainDicomTags UserMetadata UserContentType Dictionary ExternalDictionaries
LoadPrivateDictionary DefaultPrivateCreator DefaultEncoding Locale

HttpServerEnabled HttpPort HttpBindAddresses HttpThreadsCount HttpRequestTimeout HttpDescribeErrors
HttpCompressionEnabled KeepAlive KeepAliveTimeout TcpNoDelay MaximumRequestBodySizeMB
MaximumFileSizeInArchiveMB RemoteAccessAllowed AuthenticationEnabled RegisteredUsers SslEnabled
SslCertificate SslVerifyPeers SslTrustedClientCertificates SslMinimumProtocolVersion
SslCiphersAccepted OrthancExplorerEnabled WebDavEnabled WebDavDeleteAllowed WebDavUploadAllowed
ExecuteLuaEnabled RestApiWriteToFileSystemEnabled SynchronousZipStream ZipUseUtf8 MediaArchiveSize

DicomServerEnabled DicomAet DicomPort DicomCheckCalledAet DicomCheckModalityHost StrictAetComparison
DicomThreadsCount DicomScpTimeout MaximumPduLength DicomAlwaysAllowEcho DicomAlwaysAllowStore
DicomAlwaysAllowFind DicomAlwaysAllowFindWorklist DicomAlwaysAllowGet DicomAlwaysAllowMove
AcceptedTransferSyntaxes DeflatedTransferSyntaxAccepted JpegTransferSyntaxAccepted
Jpeg2000TransferSyntaxAccepted JpegLosslessTransferSyntaxAccepted JpipTransferSyntaxAccepted
Mpeg2TransferSyntaxAccepted RleTransferSyntaxAccepted Mpeg4TransferSyntaxAccepted
H265TransferSyntaxAccepted UnknownSopClassAccepted AcceptedSopClasses RejectedSopClasses
SynchronousCMove CaseSensitivePN LimitFindResults LimitFindInstances StorageAccessOnFind
DicomTlsEnabled DicomTlsCertificate DicomTlsPrivateKey DicomTlsTrustedCertificates
DicomTlsRemoteCertificateRequired DicomTlsMinimumProtocolVersion DicomTlsCiphersAccepted

DicomModalities DicomModalitiesInDatabase DicomEchoChecksFind DicomDefaultRetrieveMethod
DicomScuTimeout DicomScuPreferredTransferSyntax QueryRetrieveSize StorageCommitmentReportsSize
DicomAssociationCloseDelay OrthancPeers OrthancPeersInDatabase HttpProxy HttpVerbose HttpTimeout
HttpsVerifyPeers HttpsCACertificates Pkcs11

TranscodeDicomProtocol BuiltinDecoderTranscoderOrder IngestTranscoding
IngestTranscodingOfUncompressed IngestTranscodingOfCompressed DicomLossyTranscodingQuality
MaximumConcurrentDcmtkTranscoders DeidentifyLogs DeidentifyLogsDicomVersion Warnings
LogExportedResources MetricsEnabled ConcurrentJobs JobsHistorySize JobsEngineThreadsCount LuaScripts
Plugins LuaHeartBeatPeriod

MaximumStorageCacheSize StorageLoaderThreadsCount StorageMemoryCapacity DicomParserThreadsCount
DicomParserMemoryCapacity DicomParserCacheSize TranscoderThreadsCount TranscoderMemoryCapacity
TranscoderCacheSize SequentialDicomReaderThreadsCount SequentialDicomReaderWindowSize
SequentialDicomReaderWindowCapacity MallocArenaMax LoaderThreads ZipLoaderThreads
"""
"""Every option of Orthanc 1.13."""
ONLY_HERE = """
store.name store.fork_services
http.host http.explorer_folder http.page http.ui_folder http.hsts_seconds
http.tls_certificate http.tls_key http.tls_client_ca http.tls_client_required http.tls_minimum
http.tls_ciphers
http.session_minutes http.session_hours http.language
http.users http.allow_anonymous http.allow_cross_site http.hosts
http.max_connections http.max_connections_per_address http.trusted_proxies
http.processes dicom.host dicom.processes dicom.max_associations dicom.artim_timeout
ingest.answer_timeout ingest.unpack_ratio ingest.unpack_free_mb
storage.kind storage.path storage.s3_endpoint storage.s3_bucket storage.s3_access_key
storage.s3_secret_key storage.s3_secure storage.s3_ca storage.s3_region storage.s3_timeout
storage.s3_patience storage.orphan_grace
storage.quarantine_days storage.sweep_share
storage.collect_interval storage.minimum_free_mb storage.reserve storage.reserve_mb
database.url database.reader_url database.pool_size database.tls_ca
nats.tls_ca nats.tls_certificate nats.tls_key
nats.url nats.replicas nats.sync_always nats.changes_mb
index.batch_size
render.host render.port render.url render.token render.workers render.memory_mb render.timeout
archive.compression archive.concurrent
jobs.retry jobs.retries jobs.retry_delay jobs.longest_retry_delay jobs.dead_letters
dicom.max_dataset_mb dicom.tls_check_host
egress.http_connections egress.scu_threads
routing.rules routing.webhooks routing.concurrent routing.batch routing.rounds
routing.webhook_timeout
routing.denied_networks
worklists.maximum worklists.charset find.charset
retention.rules retention.keeping_labels retention.interval retention.most_percent
retention.room_percent retention.room_interval
queries.hours queries.answers_mb queries.timeout
lua.timeout lua.event_timeout lua.memory_mb lua.url lua.token
log.level log.format
traces.endpoint traces.sample traces.headers traces.tls_ca
health.leave_seconds health.finish_seconds dicom.drain_seconds
health.host health.port health.hung_after health.ends_with_input health.opens_when_told
"""
"""Settings that no single option of Orthanc sets."""


def translated(tmp_path: Path, **options: Any) -> Translated:
    file = tmp_path / "orthanc.json"
    file.write_text(json.dumps(options))
    return translate([file], {})


def lines(tmp_path: Path, **options: Any) -> list[str]:
    """Its warnings, without the name of the file."""
    warnings = translated(tmp_path, **options).warnings
    return [one.removeprefix(f"{tmp_path / 'orthanc.json'}: ") for one in warnings]


def test_every_option_of_orthanc_is_known() -> None:
    """Nothing that Orthanc's file may say is passed over in silence."""
    plugins = {option.name for option in CHAPTERS[-1].options}
    assert set(OPTIONS) - plugins == set(ORTHANC_1_13.split())
    assert len(OPTIONS) == sum(len(chapter.options) for chapter in CHAPTERS)
    for option in OPTIONS.values():
        if isinstance(option, Without):
            assert option.why


def test_every_setting_has_its_option_or_is_known_to_have_none() -> None:
    """A new setting is either reached from Orthanc's file, or listed above on purpose."""
    reached = {
        setting
        for option in OPTIONS.values()
        if isinstance(option, Same)
        for setting in option.settings
    }
    exist = {
        f"{section}.{name}" for section, kind in sections().items() for name in kind.model_fields
    }
    assert reached - exist == {"modalities", "peers"}
    assert exist - reached == set(ONLY_HERE.split())


def test_the_page_says_what_the_table_says() -> None:
    """docs/orthanc-configuration.md is written from the table."""
    assert page_faults(CHECKOUT) == []


@pytest.mark.parametrize(
    ("option", "value", "setting", "expected"),
    [
        ("Name", "Radiology", "store.title", "Radiology"),
        ("HttpPort", 8050, "http.port", 8050),
        ("HttpDescribeErrors", False, "http.describe_errors", False),
        ("MaximumRequestBodySizeMB", 10, "http.max_body_mb", 10),
        ("MaximumFileSizeInArchiveMB", 10, "http.max_zip_entry_mb", 10),
        ("WebDavEnabled", False, "webdav.enabled", False),
        ("WebDavDeleteAllowed", True, "webdav.allow_delete", True),
        ("WebDavUploadAllowed", False, "webdav.allow_upload", False),
        ("DicomAet", "CT-STORE", "dicom.aet", "CT-STORE"),
        ("DicomPort", 104, "dicom.port", 104),
        ("DicomCheckCalledAet", True, "dicom.check_called_aet", True),
        ("DicomCheckModalityHost", True, "dicom.check_modality_host", True),
        ("StrictAetComparison", True, "dicom.strict_aet_comparison", True),
        ("DicomScpTimeout", 5, "dicom.idle_timeout", 5),
        ("DicomScpTimeout", 0, "dicom.idle_timeout", 86400),
        ("DicomAlwaysAllowEcho", False, "dicom.always_allow_echo", False),
        ("DicomAlwaysAllowStore", False, "dicom.always_allow_store", False),
        ("SynchronousCMove", False, "dicom.synchronous_move", False),
        ("DicomAlwaysAllowFind", True, "dicom.always_allow_find", True),
        ("DicomAlwaysAllowFindWorklist", True, "dicom.always_allow_find_worklist", True),
        ("DicomAlwaysAllowGet", True, "dicom.always_allow_get", True),
        ("DicomAlwaysAllowMove", True, "dicom.always_allow_move", True),
        ("CaseSensitivePN", True, "find.case_sensitive_pn", True),
        ("UnknownSopClassAccepted", True, "dicom.accept_unknown_sop_classes", True),
        ("MaximumPduLength", 32768, "dicom.maximum_pdu_length", 32768),
        ("MaximumPduLength", 32768, "egress.maximum_pdu_length", 32768),
        ("DicomScuTimeout", 7, "egress.timeout", 7),
        ("SyncStorageArea", False, "storage.fsync", False),
        ("OverwriteInstances", True, "index.overwrite_instances", "Always"),
        ("OverwriteInstances", False, "index.overwrite_instances", "Never"),
        ("OverwriteInstances", "IfChanged", "index.overwrite_instances", "IfChanged"),
        ("StableAge", 1, "index.stable_age", 1),
        ("OrthancExplorerEnabled", False, "http.explorer", False),
        ("ReadOnly", True, "store.read_only", True),
        ("PatientLevelEnabled", False, "store.patient_level", False),
        ("StorageCompression", True, "storage.compression", True),
        ("MaximumStorageSize", 500, "storage.maximum_size_mb", 500),
        ("MaximumPatientCount", 9, "storage.maximum_patients", 9),
        ("MaximumStorageMode", "Reject", "storage.maximum_mode", "Reject"),
        (
            "ExtraMainDicomTags",
            {"Study": ["Rows"], "Series": ["RequestAttributesSequence"]},
            "index.extra_main_tags",
            {"Study": ["Rows"], "Series": ["RequestAttributesSequence"]},
        ),
        ("CheckRevisions", True, "index.check_revisions", True),
        ("AcceptedSopClasses", ["1.2.840.*"], "dicom.accepted_sop_classes", ["1.2.840.*"]),
        ("AcceptedSopClasses", [], "dicom.accepted_sop_classes", ["*"]),
        ("RejectedSopClasses", ["1.2.3"], "dicom.rejected_sop_classes", ["1.2.3"]),
        ("UserMetadata", {"mine": 1098}, "index.user_metadata", {"mine": 1098}),
        (
            "UserContentType",
            {"a": 1024, "b": [1025, "application/pdf"]},
            "index.user_content_types",
            {"a": 1024, "b": (1025, "application/pdf")},
        ),
        ("LogExportedResources", True, "index.log_exports", True),
        ("ConcurrentJobs", 3, "jobs.concurrent", 3),
        ("JobsHistorySize", 1000, "jobs.history", 1000),
        ("QueryRetrieveSize", 20, "queries.kept", 20),
        ("DicomDefaultRetrieveMethod", "C-GET", "egress.retrieve_method", "C-GET"),
        *(
            ("DicomScuPreferredTransferSyntax", syntax, "egress.preferred_transfer_syntax", taken)
            for syntax, taken in (
                ("1.2.840.10008.1.2", "1.2.840.10008.1.2"),
                ("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.1"),
            )
        ),
        ("DefaultEncoding", "Utf8", "ingest.default_charset", "utf8"),
        ("DefaultEncoding", "Latin5", "ingest.default_charset", "iso8859_9"),
    ],
)
def test_an_option_sets_its_counterpart(
    option: str, value: Any, setting: str, expected: Any, tmp_path: Path
) -> None:
    """With the value that means here what Orthanc means by it, and without a warning."""
    result = translated(tmp_path, **{option: value})
    section, name = setting.split(".")
    assert getattr(getattr(load_settings(result.settings), section), name) == expected
    assert result.warnings == []


def test_an_empty_file_is_orthanc_as_it_comes(tmp_path: Path) -> None:
    """What others see of a server without settings is Orthanc's: names, log of exports, doors."""
    settings = load_settings(translated(tmp_path).settings)
    assert (settings.store.title, settings.dicom.aet) == ("MyOrthanc", "ORTHANC")
    assert settings.index.log_exports is False
    assert (settings.http_host, settings.dicom_host) == ("127.0.0.1", "0.0.0.0")


@pytest.mark.parametrize("name", CODECS)
def test_every_encoding_is_a_codec(name: str, tmp_path: Path) -> None:
    """Orthanc's names are all ones that a store can be started with."""
    settings = load_settings(translated(tmp_path, DefaultEncoding=name).settings)
    assert b"A".decode(settings.ingest.default_charset) == "A"


def test_what_has_no_counterpart_is_told_with_its_reason(tmp_path: Path) -> None:
    """One line each; a misspelt option gets the name that was meant."""
    assert lines(tmp_path, MallocArenaMax=5, DicomPrt=1, Xyzzy=1) == [
        "MallocArenaMax has no effect: each process bounds its memory by itself",
        "DicomPrt is no option of Orthanc that Pons knows; did you mean DicomPort?",
        "Xyzzy is no option of Orthanc that Pons knows",
    ]


def test_a_value_that_asks_for_what_happens_anyway_is_no_news(tmp_path: Path) -> None:
    """A warning is for a difference."""
    assert lines(tmp_path, SaveJobs=True, Plugins=[], MaximumConcurrentDcmtkTranscoders=0) == []
    assert len(lines(tmp_path, SaveJobs=False)) == 1
    assert len(lines(tmp_path, MaximumConcurrentDcmtkTranscoders=False)) == 1


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("HttpPort", "8042", "HttpPort: expected a whole number, got '8042'"),
        ("HttpPort", True, "HttpPort: expected a whole number, got True"),
        ("HttpPort", 70000, "HttpPort: Input should be less than or equal to 65535"),
        ("DicomCheckCalledAet", 1, "DicomCheckCalledAet: expected true or false, got 1"),
        ("Name", 5, "Name: expected a text, got 5"),
        ("DicomAet", "A" * 17, "DicomAet: String should match pattern"),
        ("DefaultEncoding", "Klingon", "DefaultEncoding: expected one of Ascii, Utf8, "),
        ("OverwriteInstances", "Perhaps", "OverwriteInstances: expected Never or Always or IfCh"),
        ("MaximumPduLength", 1, "MaximumPduLength: Input should be greater than or equal to 4096"),
        ("DicomScuTimeout", -1, "DicomScuTimeout: expected seconds, 0 or more, got -1"),
        ("DicomModalities", [], "DicomModalities: expected an object, got []"),
        ("DicomModalities", {"a": ["A", "h", 0]}, "DicomModalities: modality 'a': Port: Input"),
        ("DicomModalities", {"a b": ["A", "h", 1]}, "DicomModalities: The name of a modality is"),
        ("UserMetadata", {"mine": 5}, "UserMetadata: "),
        ("RegisteredUsers", {"a:b": "s3cret"}, "RegisteredUsers: user name 'a:b' is empty or"),
        ("RegisteredUsers", {"a": 5}, "RegisteredUsers: the password of 'a' is not a text"),
        ("HttpBindAddresses", ["a", 5], "HttpBindAddresses: expected a text, got 5"),
        ("HttpBindAddresses", ["here"], "HttpBindAddresses: 'here' is not an address"),
        ("HttpBindAddresses", ["::1", "::2"], "HttpBindAddresses has several addresses"),
        ("DicomTlsMinimumProtocolVersion", 6, "DicomTlsMinimumProtocolVersion: expected a number"),
        ("RemoteAccessAllowed", True, "AuthenticationEnabled is true (its default is that of"),
        ("AuthenticationEnabled", True, "AuthenticationEnabled is true (its default is that of"),
    ],
)
def test_a_wrong_value_is_told_in_a_sentence(
    option: str, value: Any, sentence: str, tmp_path: Path
) -> None:
    """It names the option of Orthanc's file, not the setting that it would become."""
    with pytest.raises(Refusal) as error:
        translated(tmp_path, **{option: value})
    said = str(error.value).removeprefix(f"{tmp_path / 'orthanc.json'}: ")
    assert said.startswith(sentence)
    assert "\n" not in said
    assert "s3cret" not in said


def test_settings_of_pons_win_over_orthanc_s(tmp_path: Path) -> None:
    """Tables are merged key by key, as among all the places where settings come from."""
    own = {"http": {"port": 1}, "modalities": {"a": ["A", "h", 1]}}
    below = {"http": {"port": 2, "host": "::1"}, "modalities": {"b": ["B", "h", 1]}}
    assert merged(own, below) == {
        "http": {"port": 1, "host": "::1"},
        "modalities": {"a": ["A", "h", 1], "b": ["B", "h", 1]},
    }
