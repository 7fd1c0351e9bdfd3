# SPDX-License-Identifier: Apache-2.0
"""What DICOM and Orthanc's interface call things: attributes, encodings, identifiers, metadata."""
