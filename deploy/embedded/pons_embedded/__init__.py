# SPDX-License-Identifier: Apache-2.0
"""A whole store on one machine: PostgreSQL, NATS and the five services under one supervisor."""
