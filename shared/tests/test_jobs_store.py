# SPDX-License-Identifier: Apache-2.0
"""Under which names a request to send is carried out."""

from pons.jobs import StoreRequest
from pons.messages.modality import Modality


def test_ae_titles() -> None:
    """The request's AE titles win over the modality's, those over the store's."""
    plain, named = Modality("PACS", "h", 1), Modality("PACS", "h", 1, local_aet="THERE")
    asked = StoreRequest("pacs", [], local_aet="ME", called_aet="YOU")
    assert StoreRequest("pacs", []).aets(plain, "PONS") == ("PONS", "PACS")
    assert StoreRequest("pacs", []).aets(named, "PONS") == ("THERE", "PACS")
    assert asked.aets(named, "PONS") == ("ME", "YOU")
