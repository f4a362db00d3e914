from __future__ import annotations

import json

import pytest

from magicoder_core.stages.forecast import Taken, forecast_of

TAKEN = Taken(tokens=[100.0, 300.0] * 10, usd=[0.01, 0.03] * 10, seconds=[2.0, 4.0] * 10, wall=12.0)


def test_a_target_is_forecast_from_acceptance_and_price():
    forecast = forecast_of(10, {"unparsed": 10}, TAKEN, there=10_000, target=1000, at_once=64)
    assert forecast.acceptance.value == 0.5
    assert (forecast.acceptance.low, forecast.acceptance.high) == pytest.approx((0.299, 0.701), abs=0.001)
    assert forecast.needed.value == 2000
    assert forecast.tokens.value == pytest.approx(2000 * 200)
    assert forecast.tokens.low < 1450 * 200 < forecast.tokens.value < 3000 * 200 < forecast.tokens.high
    assert forecast.usd.value == pytest.approx(40)
    assert forecast.seconds[0] < 2000 * 3 / 64 < forecast.seconds[1]
    text = "\n".join(forecast.lines())
    assert "10 of 20 snippets gave a row that is kept (10 unparsed): 50% [30%, 70%]" in text
    assert "1000 rows would need 2,000 [" in text
    assert "40.00 [" in text


def test_without_a_target_all_snippets_are_forecast():
    forecast = forecast_of(20, {}, TAKEN, there=200, target=None, at_once=8)
    assert (forecast.rows.value, forecast.rows.high) == (200, 200)
    assert forecast.rows.low < 180
    assert "all 200 snippets would give 200 [" in forecast.lines()[1]


def test_too_few_snippets_are_told():
    forecast = forecast_of(10, {}, TAKEN, there=1500, target=1000, at_once=64)
    assert "; there are only 1500, draw more" in forecast.lines()[1]


def test_nothing_accepted_has_no_upper_end_and_is_still_json():
    forecast = forecast_of(0, {"unparsed": 20}, TAKEN, there=1500, target=1000, at_once=64)
    assert json.loads(json.dumps(forecast.to_dict()))["needed"]["high"] is None
    assert "cannot be told" in forecast.lines()[1]


def test_no_price_no_money():
    taken = Taken(tokens=[1.0], seconds=[1.0], wall=1.0)
    forecast = forecast_of(1, {}, taken, there=10, target=None, at_once=1)
    assert forecast.usd is None
    assert not any("USD" in line for line in forecast.lines())
