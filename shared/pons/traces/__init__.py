# SPDX-License-Identifier: Apache-2.0
"""Traces: what one request or instance went through, in every service, as OpenTelemetry tells it.

Off until `traces.endpoint` is set; then `span` costs nothing to speak of.
"""
