# SPDX-License-Identifier: Apache-2.0
"""The only HTTP door of a store: Orthanc's REST interface."""
