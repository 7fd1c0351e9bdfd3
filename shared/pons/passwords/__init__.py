# SPDX-License-Identifier: Apache-2.0
"""Users' passwords: verified against argon2 hashes, at a bounded cost whoever asks."""
