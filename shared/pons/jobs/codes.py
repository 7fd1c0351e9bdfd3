# SPDX-License-Identifier: Apache-2.0
"""How a job tells its error: Orthanc's codes and words, one for each of our errors."""

SUCCESS = 0
INTERNAL_ERROR = -1
CANCELED = 37

CODES: dict[str, int] = {
    "InvalidInstance": 15,
    "BadRequest": 8,
    "NotFound": 17,
    "Conflict": 6,
    "Forbidden": 45,
    "ReadOnly": 22,
    "DamagedObject": 20,
    "TooLarge": 3,
    "UnsupportedImage": 23,
    "RemoteFailure": 9,
    "OutOfResources": 19,
    "Unavailable": 36,
}
"""Name of the error to Orthanc's code; anything else is an internal error."""

DESCRIPTIONS: dict[int, str] = {
    INTERNAL_ERROR: "Internal error",
    SUCCESS: "Success",
    3: "Parameter out of range",
    6: "Bad sequence of calls",
    8: "Bad request",
    9: "Error in the network protocol",
    15: "Bad file format",
    17: "Unknown resource",
    19: "The file storage is full",
    20: "Corrupted file (e.g. inconsistent MD5 hash)",
    22: "Cannot modify a read-only data structure",
    23: "Incompatible format of the images",
    36: "The database is currently not available",
    CANCELED: "This job was canceled",
    45: "Access to a resource is forbidden",
}
