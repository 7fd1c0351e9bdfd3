# SPDX-License-Identifier: Apache-2.0
"""Every option of Orthanc 1.13: what it sets here, or why it sets nothing.

Chapters are those of Orthanc's own documentation. `docs/orthanc-configuration.md` is this table.
"""

from pons_embedded.orthanc.kinds import (
    A_DAY,
    boolean,
    choice,
    concurrency,
    encoding,
    integer,
    modalities,
    overwriting,
    path,
    paths,
    patterns,
    peers,
    proxy,
    seconds,
    table,
    text,
    texts,
    tls_version,
    uncompressed_syntax,
    users,
)
from pons_embedded.orthanc.options import Chapter, Joint, Option, Without, same
from pons_embedded.orthanc.syntaxes import FAMILIES
from pons_embedded.orthanc.worklists import WORKLISTS

EVENT_LOOP = "requests and associations share event loops instead of threads"
OWN_MEMORY = "each process bounds its memory by itself"

IDENTITY = Chapter(
    "Identity, files, capacity",
    (
        same("Name", "store.title", text, "MyOrthanc"),
        Without("StorageDirectory", "Pons keeps everything in its data folder, see --data"),
        Without("IndexDirectory", "Pons keeps everything in its data folder, see --data"),
        Without("TemporaryDirectory", "large bodies pass through a folder beside the objects"),
        same("StorageCompression", "storage.compression", boolean),
        same("MaximumStorageSize", "storage.maximum_size_mb", integer),
        same("MaximumPatientCount", "storage.maximum_patients", integer),
        same("MaximumStorageMode", "storage.maximum_mode", choice("Recycle", "Reject")),
        Without("StoreDicom", "files are always kept", (True,)),
        Without("StoreMD5ForAttachments", "every object has its checksum", (True,)),
        same("SyncStorageArea", "storage.fsync", boolean),
        same("OverwriteInstances", "index.overwrite_instances", overwriting),
        same("StableAge", "index.stable_age", seconds(60), note="0 is 60, as in Orthanc."),
        same("ReadOnly", "store.read_only", boolean),
        same("PatientLevelEnabled", "store.patient_level", boolean),
        Without("DatabaseServerIdentifier", "the store's name does this, see --store"),
        same("CheckRevisions", "index.check_revisions", boolean),
        Without("SaveJobs", "jobs always survive a restart", (True,)),
        same("ExtraMainDicomTags", "index.extra_main_tags", table),
        same("UserMetadata", "index.user_metadata", table),
        same("UserContentType", "index.user_content_types", table),
        same("Dictionary", "ingest.dictionary", table),
        Without("ExternalDictionaries", "the dictionary is pydicom's"),
        Without("LoadPrivateDictionary", "private attributes are always known", (True,)),
        same("DefaultPrivateCreator", "ingest.default_private_creator", text),
        same(
            "DefaultEncoding",
            "ingest.default_charset",
            encoding,
            note="Orthanc's name becomes that of Python's codec.",
        ),
        Without("Locale", "text is compared by Unicode's rules"),
    ),
)

HTTP_SERVER = Chapter(
    "HTTP server",
    (
        Joint("HttpServerEnabled", boolean, "False: REST stays on loopback, with a warning."),
        same("HttpPort", "http.port", integer),
        Joint("HttpBindAddresses", texts, "One address becomes `http.host`; several are refused."),
        Without("HttpThreadsCount", EVENT_LOOP),
        Without("HttpRequestTimeout", "the server closes only connections without a request"),
        same("HttpDescribeErrors", "http.describe_errors", boolean),
        same("HttpCompressionEnabled", "http.compress_answers", boolean),
        Without("KeepAlive", "connections are always kept open", (True,)),
        Without("KeepAliveTimeout", "connections are kept open for 75 s"),
        Without("TcpNoDelay", "answers are always sent at once", (True,)),
        same("MaximumRequestBodySizeMB", "http.max_body_mb", integer),
        same("MaximumFileSizeInArchiveMB", "http.max_zip_entry_mb", integer),
        Joint(
            "RemoteAccessAllowed",
            boolean,
            "False, the default: REST on loopback. True: on every interface.",
        ),
        Joint(
            "AuthenticationEnabled",
            boolean,
            "As `RemoteAccessAllowed` unless told. True without users is refused.",
        ),
        Joint(
            "RegisteredUsers",
            users,
            "`http.users`; passwords become argon2 hashes at the start, and are not written.",
        ),
        Joint("SslEnabled", boolean, "True: REST speaks HTTPS, as the next five say."),
        Joint("SslCertificate", path, "`http.tls_certificate`: one file, with the key."),
        Joint("SslVerifyPeers", boolean, "True: clients have to show a certificate."),
        Joint("SslTrustedClientCertificates", path, "`http.tls_client_ca`, with `SslVerifyPeers`."),
        Joint(
            "SslMinimumProtocolVersion",
            tls_version,
            "`http.tls_minimum`: 5 becomes `1.3`, anything else `1.2`: nothing older is spoken.",
        ),
        Joint(
            "SslCiphersAccepted",
            texts,
            "`http.tls_ciphers`, for TLS 1.2; those of 1.3 always are.",
        ),
        same("OrthancExplorerEnabled", "http.explorer", boolean),
        same("WebDavEnabled", "webdav.enabled", boolean),
        same("WebDavDeleteAllowed", "webdav.allow_delete", boolean),
        same("WebDavUploadAllowed", "webdav.allow_upload", boolean),
        same(
            "ExecuteLuaEnabled",
            "lua.execute lua.callbacks",
            boolean,
            note="What posted scripts define stays, as in Orthanc.",
        ),
        same("RestApiWriteToFileSystemEnabled", "http.allow_export", boolean),
        same("SynchronousZipStream", "archive.stream", boolean),
        same("ZipUseUtf8", "archive.utf8", boolean),
        same("MediaArchiveSize", "archive.outputs", integer),
    ),
)

DICOM_SERVER = Chapter(
    "DICOM server",
    (
        Joint("DicomServerEnabled", boolean, "False: DICOM stays on loopback, with a warning."),
        same("DicomAet", "dicom.aet", text, "ORTHANC"),
        same("DicomPort", "dicom.port", integer),
        same("DicomCheckCalledAet", "dicom.check_called_aet", boolean),
        same("DicomCheckModalityHost", "dicom.check_modality_host", boolean),
        same("StrictAetComparison", "dicom.strict_aet_comparison", boolean),
        Without("DicomThreadsCount", EVENT_LOOP),
        same("DicomScpTimeout", "dicom.idle_timeout", seconds(A_DAY), note="0 becomes a day."),
        same(
            "MaximumPduLength",
            "dicom.maximum_pdu_length egress.maximum_pdu_length",
            integer,
            note="Left out, it is that of Pons: longer, and faster.",
        ),
        same("DicomAlwaysAllowEcho", "dicom.always_allow_echo", boolean),
        same("DicomAlwaysAllowStore", "dicom.always_allow_store", boolean),
        same("DicomAlwaysAllowFind", "dicom.always_allow_find", boolean),
        same("DicomAlwaysAllowFindWorklist", "dicom.always_allow_find_worklist", boolean),
        same("DicomAlwaysAllowGet", "dicom.always_allow_get", boolean),
        same("DicomAlwaysAllowMove", "dicom.always_allow_move", boolean),
        same("AcceptedTransferSyntaxes", "dicom.accepted_transfer_syntaxes", texts),
        *(
            Joint(option, boolean, "Adds to `dicom.accepted_transfer_syntaxes`, or takes away.")
            for option in FAMILIES
        ),
        same("UnknownSopClassAccepted", "dicom.accept_unknown_sop_classes", boolean),
        same(
            "AcceptedSopClasses",
            "dicom.accepted_sop_classes",
            patterns,
            note="An empty array is every class.",
        ),
        same("RejectedSopClasses", "dicom.rejected_sop_classes", texts),
        same("SynchronousCMove", "dicom.synchronous_move", boolean),
        same("CaseSensitivePN", "find.case_sensitive_pn", boolean),
        same("LimitFindResults", "find.limit_results", integer),
        same("LimitFindInstances", "find.limit_instances", integer),
        Without("StorageAccessOnFind", "every attribute is in the index; no file is opened"),
        same("DicomTlsEnabled", "dicom.tls_enabled", boolean, False),
        same("DicomTlsCertificate", "dicom.tls_certificate", path),
        same("DicomTlsPrivateKey", "dicom.tls_private_key", path),
        same("DicomTlsTrustedCertificates", "dicom.tls_trusted", path),
        same("DicomTlsRemoteCertificateRequired", "dicom.tls_client_certificate_required", boolean),
        same(
            "DicomTlsMinimumProtocolVersion",
            "dicom.tls_minimum_version",
            tls_version,
            note="5 becomes `1.3`, anything else `1.2`: nothing older is spoken.",
        ),
        same(
            "DicomTlsCiphersAccepted",
            "dicom.tls_ciphers",
            texts,
            note="For TLS 1.2; those of 1.3 always are.",
        ),
    ),
)

CLIENTS = Chapter(
    "DICOM client, peers, HTTP client",
    (
        same("DicomModalities", "modalities", modalities, note="In every form that Orthanc takes."),
        Without(
            "DicomModalitiesInDatabase",
            "modalities of the file always count, and those changed over REST win and last",
            (False,),
        ),
        same("DicomEchoChecksFind", "egress.echo_checks_find", boolean),
        same("DicomDefaultRetrieveMethod", "egress.retrieve_method", choice("C-MOVE", "C-GET")),
        same("DicomScuTimeout", "egress.timeout", seconds(A_DAY), note="0 becomes a day."),
        same(
            "DicomScuPreferredTransferSyntax",
            "egress.preferred_transfer_syntax",
            uncompressed_syntax,
            note="Whatever is not `1.2.840.10008.1.2` becomes `1.2.840.10008.1.2.1`: nothing is "
            "compressed for a modality.",
        ),
        same("QueryRetrieveSize", "queries.kept", integer),
        same("StorageCommitmentReportsSize", "egress.commitment_reports", integer),
        Without("DicomAssociationCloseDelay", "an association ends with its work"),
        same("OrthancPeers", "peers", peers, note="In every form that Orthanc takes."),
        Without(
            "OrthancPeersInDatabase",
            "peers of the file always count, and those changed over REST win and last",
            (False,),
        ),
        same("HttpProxy", "egress.http_proxy", proxy, note="For peers."),
        Without("HttpVerbose", "the verbosity `trace` of jobs logs requests", (False,)),
        same("HttpTimeout", "egress.http_timeout", seconds(60), note="0 is 60, as in Orthanc."),
        same("HttpsVerifyPeers", "egress.https_verify", boolean),
        same("HttpsCACertificates", "egress.https_ca_file", path),
        Without("Pkcs11", "keys do not come from a PKCS#11 module"),
    ),
)

WORK = Chapter(
    "Transcoding, logs, jobs, metrics",
    (
        Without("TranscodeDicomProtocol", "what a modality needs is uncompressed", (True,)),
        Without("BuiltinDecoderTranscoderOrder", "there are no plugins of Orthanc", ("After",)),
        Without("IngestTranscoding", "files are kept in the syntax in which they came"),
        Without("IngestTranscodingOfUncompressed", "files are kept as they came", (True,)),
        Without("IngestTranscodingOfCompressed", "files are kept as they came", (True,)),
        Without("DicomLossyTranscodingQuality", "nothing is compressed lossily", (90,)),
        Without("MaximumConcurrentDcmtkTranscoders", "render.workers bounds decoding", (0,)),
        Without("DeidentifyLogs", "logs never hold data of patients", (True,)),
        Without("DeidentifyLogsDicomVersion", "logs never hold data of patients"),
        Without("Warnings", "what they warn of does not happen here"),
        same("LogExportedResources", "index.log_exports", boolean, False),
        Without("MetricsEnabled", "metrics are always counted", (True,)),
        same("ConcurrentJobs", "jobs.concurrent", concurrency, note="0 is the number of cores."),
        same(
            "JobsHistorySize",
            "jobs.history",
            integer,
            note="Left out, it is that of Pons.",
        ),
        Without("JobsEngineThreadsCount", "jobs spread over the replicas of their service"),
        same("LuaScripts", "lua.scripts", paths),
        Without("Plugins", "there are no plugins of Orthanc", ([],)),
        same("LuaHeartBeatPeriod", "lua.heart_beat", integer),
    ),
)

MEMORY = Chapter(
    "Memory and threads",
    tuple(
        Without(name, OWN_MEMORY)
        for name in (
            "MaximumStorageCacheSize",
            "StorageLoaderThreadsCount",
            "StorageMemoryCapacity",
            "DicomParserThreadsCount",
            "DicomParserMemoryCapacity",
            "DicomParserCacheSize",
            "TranscoderThreadsCount",
            "TranscoderMemoryCapacity",
            "TranscoderCacheSize",
            "SequentialDicomReaderThreadsCount",
            "SequentialDicomReaderWindowSize",
            "SequentialDicomReaderWindowCapacity",
            "MallocArenaMax",
            "LoaderThreads",
            "ZipLoaderThreads",
        )
    ),
)

PLUGINS = Chapter(
    "Sections of plugins",
    (
        Without("DicomWeb", "DICOMweb is not served"),
        *WORKLISTS,
        Without(
            "Transfers", "accelerated transfers are there; egress.http_connections bounds them"
        ),
        Without("Authorization", "there are users only, no tokens"),
        *(
            Without(name, "Pons keeps its index in PostgreSQL, see [database]")
            for name in ("PostgreSQL", "MySQL", "Odbc")
        ),
        *(
            Without(name, "an S3 store is chosen in [storage]")
            for name in ("AwsS3Storage", "AzureBlobStorage", "GoogleCloudStorage")
        ),
        Without("Gdcm", "render decodes every transfer syntax with the library that suits it"),
        Without("Housekeeper", "nothing has to be rebuilt after a change of the configuration"),
        Without("DelayedDeletion", "files are always deleted in the background"),
        Without("AdvancedStorage", "objects are named by their keys"),
        Without("PythonScript", "scripts do not run inside Pons; they use its REST API"),
        Without("PythonVerbose", "scripts do not run inside Pons; they use its REST API"),
        *(
            Without(name, "Pons has a page of its own")
            for name in (
                "OrthancExplorer2",
                "StoneWebViewer",
                "OHIF",
                "VolView",
                "WebViewer",
                "WholeSlideImaging",
            )
        ),
        Without("MultitenantDicom", "a store has one DICOM port; start one more store"),
        Without("Indexer", "folders are not watched; send what is in them"),
        Without("ServeFolders", "files that are no instances are not served"),
    ),
)

CHAPTERS = (IDENTITY, HTTP_SERVER, DICOM_SERVER, CLIENTS, WORK, MEMORY, PLUGINS)

OPTIONS: dict[str, Option] = {option.name: option for one in CHAPTERS for option in one.options}
