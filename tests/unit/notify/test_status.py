"""What answers mean, by tables."""

import json

import pytest

from services.notify.core.channels.slack.answers import ANSWERS, judge
from services.notify.core.retry import VERDICTS, Verdict
from services.notify.core.status import Answer, Judgement, Outcome, judge_by_status

D, R, X = Verdict.DELIVERED, Verdict.RETRY, Verdict.REJECTED


@pytest.mark.parametrize(
    ("status", "outcome", "verdict"),
    [
        (200, Outcome.DELIVERED, D),
        (202, Outcome.DELIVERED, D),
        (204, Outcome.DELIVERED, D),
        (301, Outcome.REDIRECTED, R),
        (302, Outcome.REDIRECTED, R),
        (308, Outcome.REDIRECTED, R),
        (400, Outcome.FAILED, R),
        (401, Outcome.FAILED, R),
        (404, Outcome.FAILED, R),
        (410, Outcome.GONE, X),
        (422, Outcome.FAILED, R),
        (429, Outcome.THROTTLED, R),
        (500, Outcome.FAILED, R),
        (502, Outcome.THROTTLED, R),
        (503, Outcome.THROTTLED, R),
        (504, Outcome.THROTTLED, R),
        (599, Outcome.FAILED, R),
        (999, Outcome.FAILED, R),
    ],
)
def test_a_webhook_is_judged_by_its_status(status: int, outcome: Outcome, verdict: Verdict) -> None:
    judged = judge_by_status(Answer(http_status=status, body="invalid_token"))
    assert judged.outcome is outcome
    assert VERDICTS[judged.outcome] is verdict
    assert str(status) in judged.reason


@pytest.mark.parametrize(
    ("status", "body", "outcome", "verdict"),
    [
        (200, "ok", Outcome.DELIVERED, D),
        (200, "ok\n", Outcome.DELIVERED, D),
        (200, "<html>a captive portal</html>", Outcome.FAILED, R),
        (200, "", Outcome.FAILED, R),
        (200, "no_service", Outcome.DENIED, X),
        (400, "invalid_payload", Outcome.BODY_REFUSED, X),
        (403, "invalid_payload", Outcome.BODY_REFUSED, X),
        (400, "no_text", Outcome.BODY_REFUSED, X),
        (400, "too_many_attachments", Outcome.BODY_REFUSED, X),
        (400, "invalid_blocks", Outcome.LAYOUT_REFUSED, R),
        (400, "user_not_found", Outcome.DENIED, X),
        (400, "posting_to_general_channel_denied", Outcome.DENIED, X),
        (403, "action_prohibited", Outcome.DENIED, X),
        (403, "invalid_token", Outcome.DENIED, X),
        (403, "team_disabled", Outcome.DENIED, X),
        (404, "channel_not_found", Outcome.DENIED, X),
        (404, "no_service", Outcome.DENIED, X),
        (404, "no_service_id", Outcome.DENIED, X),
        (404, "no_team", Outcome.DENIED, X),
        (404, "no_active_hooks", Outcome.DENIED, X),
        (410, "channel_is_archived", Outcome.GONE, X),
        (403, "channel_is_archived", Outcome.GONE, X),
        (500, "rollup_error", Outcome.FAILED, R),
        (429, "", Outcome.THROTTLED, R),
        (429, "rate_limited", Outcome.THROTTLED, R),
        (503, "<html>", Outcome.THROTTLED, R),
        (404, "something new", Outcome.FAILED, R),
    ],
)
def test_slack_is_judged_by_its_word(status: int, body: str, outcome: Outcome, verdict: Verdict) -> None:
    judged = judge(Answer(http_status=status, body=body))
    assert judged.outcome is outcome
    assert VERDICTS[judged.outcome] is verdict


@pytest.mark.parametrize("judging", [judge_by_status, judge])
def test_what_was_not_answered_is_what_the_sender_says(judging: object) -> None:
    assert callable(judging)
    assert judging(Answer(outcome=Outcome.TIMED_OUT, detail="no answer within 20 s")) == Judgement(
        Outcome.TIMED_OUT, "no answer within 20 s"
    )


def test_every_outcome_has_a_verdict() -> None:
    assert VERDICTS.keys() == set(Outcome)


def test_slack_words_are_words() -> None:
    assert all(word == json.loads(f'"{word}"').strip().lower() for word in ANSWERS)
