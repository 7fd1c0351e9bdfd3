# SPDX-License-Identifier: Apache-2.0
"""Whether a service works, and what each of its tasks says of itself."""
