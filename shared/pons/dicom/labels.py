# SPDX-License-Identifier: Apache-2.0
"""Labels: words that clients and rules put on resources, to find them by."""

import re

LABEL = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What a label is made of."""
