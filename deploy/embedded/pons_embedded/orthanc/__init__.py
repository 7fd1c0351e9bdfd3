# SPDX-License-Identifier: Apache-2.0
"""Orthanc's configuration file, read for what it means to Pons."""
