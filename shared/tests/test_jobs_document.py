# SPDX-License-Identifier: Apache-2.0
"""Jobs without a server: their states, their errors, and the JSON that users see."""

from typing import Any

import msgspec
import pytest

from pons import errors
from pons.errors import (
    FAMILY,
    KINDS,
    Conflict,
    NotFound,
    PonsError,
    RemoteFailure,
    ScriptUnavailable,
    Unavailable,
)
from pons.jobs import Job, JobDocument, JobRequest, JobState, Run, failure_of, to_json
from pons.jobs.document import Step
from pons.jobs.outcomes import DESCRIPTIONS, ERRORS
from pons.jobs.transitions import (
    RETRY_DELAYS,
    Transition,
    cancelled,
    claimed,
    ended_by_pause,
    failed,
    hastened,
    paused,
    released,
    resubmitted,
    resumed,
    revived,
    succeeded,
)
from pons.lua.scripts import ScriptLost

NOON = 1767182400.25  # 2025-12-31 12:00:00.25 UTC


def document(state: JobState, **fields: object) -> JobDocument:
    known = {"id": "j", "job_type": "T", "worker": "w", "priority": 0, "created": 1.0}
    return JobDocument(**known, changed=2.0, state=state, **fields)  # type: ignore[arg-type]


def test_json_of_a_new_job() -> None:
    """A job that nobody has begun has Orthanc's keys, and no time of completion or arrival."""
    request = JobRequest("DicomModalityStore", "egress", content={"Description": "REST API"})
    job = Job(request, JobDocument("5e", "DicomModalityStore", "egress", 3, NOON, NOON), 1)
    assert to_json(job, NOON + 1) == {
        "ID": "5e",
        "Type": "DicomModalityStore",
        "State": "Pending",
        "Priority": 3,
        "Progress": 0,
        "ErrorCode": 0,
        "ErrorDescription": "Success",
        "ErrorDetails": "",
        "CreationTime": "20251231T120000.250000",
        "Timestamp": "20251231T120001.250000",
        "EffectiveRuntime": 0.0,
        "Content": {"Description": "REST API"},
    }


def test_json_of_a_running_job() -> None:
    """A running job tells when it will probably end, and what its worker added to the content."""
    request = JobRequest("T", "w", content={"a": 1, "b": 1}, user_data={"ticket": 5})
    running = document("Running", progress=0.254, runtime=9.0, content={"b": 2})
    shown = to_json(Job(request, running, 1), 3.0)
    assert shown["Progress"] == 25
    assert shown["EffectiveRuntime"] == 10.0
    assert shown["EstimatedTimeOfArrival"] == "19700101T000032.370079"
    assert shown["Content"] == {"a": 1, "b": 2}
    assert shown["UserData"] == {"ticket": 5}
    assert "CompletionTime" not in shown


def test_json_of_a_failed_job() -> None:
    """A failed job has Orthanc's code, its words, and ours."""
    ended = failed(document("Running"), NOON, RemoteFailure("no answer", "is it on?"))
    shown = to_json(Job(JobRequest("T", "w"), ended, 1), NOON + 5)
    assert (shown["State"], shown["ErrorCode"]) == ("Failure", 9)
    assert shown["ErrorDescription"] == "Error in the network protocol"
    assert shown["ErrorDetails"] == "no answer (is it on?)"
    assert shown["CompletionTime"] == "20251231T120000.250000"
    assert "EstimatedTimeOfArrival" not in shown


def test_every_error_has_a_code_and_words() -> None:
    """No error of the family is told as an internal one."""
    assert set(ERRORS) == {*FAMILY, *KINDS}
    codes = [code for code, _ in ERRORS.values()]
    assert len(DESCRIPTIONS) == len(codes) + 3 == len({*codes, 0, -1, 37})


def test_a_code_of_a_later_release_is_told_in_some_words() -> None:
    shown = to_json(Job(JobRequest("T", "w"), document("Failure", error_code=4711), 1), 2.0)
    assert (shown["ErrorCode"], shown["ErrorDescription"]) == (4711, "Internal error")


def test_a_subclass_is_told_as_its_family() -> None:
    """A service's own kind of remote failure is code 9, and raised again as RemoteFailure."""

    class Refused(RemoteFailure):
        pass

    ended = failed(document("Running"), 3.0, Refused("no"))
    again = failure_of(Job(JobRequest("T", "w"), ended, 1))
    assert (ended.error_code, type(again), str(again)) == (9, RemoteFailure, "no")


def test_what_of_ours_was_away() -> None:
    """Not every failure of our own is the database's: the job and its caller are told which."""
    ended = failed(document("Running", attempts=len(RETRY_DELAYS)), 3.0, ScriptLost("it hangs"))
    again = failure_of(Job(JobRequest("T", "w"), ended, 1))
    assert (ended.error, ended.error_code, type(again)) == ("Unavailable", 2031, ScriptUnavailable)
    kept_before = msgspec.structs.replace(ended, error_code=36)
    assert kept_before.code == ended.code == 2031, "a release before kept one code for all"


def test_what_a_retrieval_failed_with() -> None:
    """Its error tells what became of each resource, in the job and in the synchronous answer."""
    details = [{"Query": {"0008,0052": "STUDY"}, "DimseErrorStatus": 0xC000}]
    payload = {"Type": "RetrieveJob", "Content": details}
    request = JobRequest("DicomGetScu", "egress")
    running = msgspec.structs.replace(
        document("Running"), job_type="DicomGetScu", content={"Details": details}
    )
    job = Job(request, failed(running, 3.0, RemoteFailure("answered C-GET with 0xC000")), 1)
    assert failure_of(job).told == {"ErrorPayload": payload}
    assert to_json(job, 3.0)["ErrorPayload"] == payload
    assert "ErrorPayload" not in to_json(Job(request, succeeded(running, 3.0), 1), 3.0)
    other = msgspec.structs.replace(job.document, job_type="DicomModalityStore")
    assert failure_of(Job(request, other, 1)).told == {}


def test_a_bug_is_an_internal_error() -> None:
    """An error outside the family does not show its text, which may hold anything."""
    ended = failed(document("Running"), 3.0, KeyError("name of a patient"))
    assert (ended.state, ended.error_code) == ("Failure", -1)
    assert ended.error_details == "the log has the cause"
    assert type(failure_of(Job(JobRequest("T", "w"), ended, 1))) is PonsError


@pytest.mark.parametrize(
    ("state", "then"),
    [("Pending", "Failure"), ("Paused", "Failure"), ("Retry", "Failure"), ("Running", "Running")],
)
def test_cancel(state: JobState, then: str) -> None:
    """Cancel ends every unfinished job with code 37; a running one is asked to end."""
    after = cancelled(document(state), 5.0)
    assert after.state == then
    assert (after.error_code, after.wanted) == ((0, "cancel") if then == "Running" else (37, ""))


@pytest.mark.parametrize(
    ("state", "then", "wanted"),
    [
        ("Pending", "Paused", ""),
        ("Retry", "Paused", ""),
        ("Paused", "Paused", ""),
        ("Running", "Running", "pause"),
    ],
)
def test_pause(state: JobState, then: str, wanted: str) -> None:
    """Pause rests every unfinished job; a running one is asked to."""
    after = paused(document(state), 5.0)
    assert (after.state, after.wanted) == (then, wanted)


@pytest.mark.parametrize("change", [cancelled, paused])
@pytest.mark.parametrize("state", ["Success", "Failure"])
def test_a_finished_job_stays(change: Transition, state: JobState) -> None:
    """As in Orthanc, cancel and pause of a finished job do nothing and are no error."""
    finished = document(state)
    assert change(finished, 5.0) is finished


@pytest.mark.parametrize(
    ("change", "allowed"),
    [(resumed, {"Paused"}), (resubmitted, {"Failure"}), (hastened, {"Retry"})],
)
@pytest.mark.parametrize("state", ["Pending", "Running", "Success", "Failure", "Paused", "Retry"])
def test_which_go_on(change: Transition, allowed: set[str], state: JobState) -> None:
    """Only a paused job is resumed, only a failed one resubmitted, only a waiting one hastened."""
    if state in allowed:
        assert change(document(state), 5.0).state == "Pending"
    else:
        with pytest.raises(Conflict, match=state):
            change(document(state), 5.0)


def test_resume_keeps_the_position_and_resubmit_does_not() -> None:
    """A resumed job goes on, a resubmitted one starts anew."""
    fields: dict[str, object] = {"position": 7, "progress": 0.7, "runtime": 3.0}
    going_on = resumed(document("Paused", **fields), 5.0)
    assert (going_on.position, going_on.progress, going_on.runtime) == (7, 0.7, 3.0)
    anew = resubmitted(document("Failure", error_code=9, completed=4.0, **fields), 5.0)
    assert (anew.position, anew.progress, anew.runtime) == (None, 0.0, 0.0)
    assert (anew.error_code, anew.completed, anew.created) == (0, None, 1.0)


def test_unavailable_is_tried_again_for_a_while() -> None:
    """Trouble of our own is tried again after growing delays, then fails; progress starts anew."""
    job, delays = document("Running"), []
    for _ in RETRY_DELAYS:
        job = failed(job, 100.0, Unavailable("index away"))
        assert (job.state, job.error_code) == ("Retry", 16)
        delays.append(job.retry_at - 100.0)
        job = claimed(job, 200.0, "c")
        assert (job.state, job.error_code) == ("Running", 0)
    assert delays == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert failed(job, 300.0, Unavailable("index away")).state == "Failure"


def test_network_errors_are_tried_again_where_that_is_asked_for() -> None:
    """A job that asks for it waits as its delays say, of both kinds of trouble; then it is dead."""
    down, delays = RemoteFailure("connection refused"), (3.0, 9.0)
    job = document("Running", retry=True, destination="modality:pacs")
    for error, delay in ((down, 3.0), (Unavailable("index away"), 9.0)):
        job = failed(job, 100.0, error, delays)
        assert (job.state, job.retry_at, job.dead_letter) == ("Retry", 100.0 + delay, False)
        job = claimed(job, 200.0, "c")
    job = failed(job, 300.0, down, delays)
    assert (job.state, job.dead_letter) == ("Failure", True)
    assert job.error_details == "connection refused"


class Written:
    """A bucket that takes everything."""

    async def replace(self, _document: JobDocument, revision: int) -> int:
        return revision + 1

    async def keep_step(self, _job_id: str, _step: Step, revision: int) -> int:
        return revision + 1


@pytest.mark.anyio
@pytest.mark.parametrize("begins_anew", [False, True])
async def test_as_far_as_the_last_time_is_no_progress(begins_anew: bool) -> None:
    """A job that fails at the same place each time is given up; one that gets further is not."""
    written: Any = Written()
    job, reached = document("Running", retry=True), []
    for attempt, most in enumerate((0.5, 0.6, 0.6, 0.6, 0.6)):
        run = Run(written, job, 1)
        for progress in (0.0, 0.3, most):
            await run.step(progress, {}, {"try": attempt} if begins_anew else None)
        job = failed(run.document, 3.0, RemoteFailure("aborted"), (1.0, 2.0))
        reached.append(job.attempts)
        job = claimed(job, 4.0, "c") if not job.finished else job
        if job.finished:
            break
    assert (reached, job.dead_letter) == ([1, 1, 2, 2], True)


def test_what_no_further_try_would_change_is_not_tried_again() -> None:
    """A refusal ends a job at once, as does a network error of a job that does not ask for more."""
    refused = failed(
        document("Running", retry=True), 3.0, RemoteFailure("no", final=True), (1.0, 2.0)
    )
    assert (refused.state, refused.dead_letter) == ("Failure", True)
    plain = failed(document("Running"), 3.0, RemoteFailure("down"), (1.0, 2.0))
    assert (plain.state, plain.dead_letter) == ("Failure", False)


def test_a_dead_letter_goes_on_where_it_stopped() -> None:
    """It keeps its position and gets all its tries again; what was cancelled is no dead letter."""
    dead = failed(document("Running", retry=True, position=7), 3.0, RemoteFailure("down"))
    again = revived(dead, 5.0)
    assert (again.state, again.position, again.attempts, again.completed) == ("Pending", 7, 0, None)
    with pytest.raises(NotFound, match="no dead letter"):
        revived(again, 6.0)
    assert not cancelled(document("Retry", retry=True), 5.0).dead_letter


@pytest.mark.parametrize(
    ("change", "cancel", "pause"),
    [
        (ended_by_pause, "Failure", "Paused"),
        (released, "Failure", "Paused"),
        (lambda d, now: failed(d, now, Unavailable("away")), "Failure", "Paused"),
        (succeeded, "Success", "Success"),
        (lambda d, now: failed(d, now, NotFound("gone")), "Failure", "Failure"),
    ],
)
def test_a_late_wish_is_not_lost(change: Transition, cancel: str, pause: str) -> None:
    """A cancel or pause that comes while a job is being put aside is still carried out."""
    assert change(document("Running", wanted="cancel"), 5.0).state == cancel
    assert change(document("Running", wanted="pause"), 5.0).state == pause


def test_the_family_is_complete() -> None:
    """Every error that pons.errors defines can be told by a job."""
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, PonsError) and value is not PonsError
    }
    assert defined == set(ERRORS)
