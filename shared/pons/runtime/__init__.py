# SPDX-License-Identifier: Apache-2.0
"""The life of a service: start, logs, supervision, end."""
