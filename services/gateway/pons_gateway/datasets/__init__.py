# SPDX-License-Identifier: Apache-2.0
"""What is in a data set, as JSON and as XML."""
