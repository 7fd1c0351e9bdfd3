# SPDX-License-Identifier: Apache-2.0
"""What leaves by C-STORE, whoever has asked for the association: how an instance is encoded, and
its data set as a stream, re-encoded where the other side takes no other way."""
