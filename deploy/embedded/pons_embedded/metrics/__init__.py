# SPDX-License-Identifier: Apache-2.0
"""What the services tell Prometheus: their document, and what is drawn and alerted of it."""
