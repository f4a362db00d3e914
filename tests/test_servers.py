"""The loopback server itself: what it says it did is what it did, and the same seed does the same again."""

import json
import socket
import time
import urllib.error
import urllib.request

import driving
import pytest
from servers import Server

PROMPT = "[Problem Description] [Solution]"


def post(url, text=PROMPT, **more):
    """Status and body of one request."""
    body = {"model": "m", "messages": [{"role": "user", "content": text}]} | more
    request = urllib.request.Request(f"{url}/chat/completions", json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, dict(answer.headers), json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), json.loads(error.read())


def told(server):
    return server._about("/stats")


def test_the_same_seed_meets_the_same_faults_in_any_order():
    def statuses(order):
        with Server(seed=3, faults={"500": 0.3, "429": 0.3}) as server:
            return {number: [post(server.url, f"{number}")[0] for _ in range(3)] for number in order}

    forth = statuses(range(12))
    assert forth == statuses(reversed(range(12)))
    assert {200, 429, 500} == {status for each in forth.values() for status in each}


def test_what_lasts_meets_the_same_prompts_for_good_and_is_no_retry():
    with Server(lasting={"truncated": 0.5}, faults={"500": 0.2}) as server:
        seen = [[post(server.url, f"{number}") for _ in range(4)] for number in range(12)]
        account = told(server)
    reasons = [{answer[2]["choices"][0]["finish_reason"] for answer in each if answer[0] == 200} for each in seen]
    assert all(len(each) == 1 for each in reasons)
    assert {"stop", "length"} == set().union(*reasons)
    first = [[answer[0] for answer in each].index(200) + 1 for each in seen]
    assert account["minimum"] == sum(first)
    assert account["paid_twice"] == sum(answer[0] == 200 for each in seen for answer in each) - 12


def test_a_retry_before_its_time_is_counted():
    with Server(script=["429-seconds", "429-ms"], wait=0.1) as server:
        assert post(server.url)[0] == 429
        assert post(server.url)[0] == 429
        time.sleep(0.11)
        assert post(server.url)[0] == 200
        account = told(server)
    assert (account["waited"], account["early"]) == (2, 1)


def test_a_bucket_refuses_and_says_when_it_is_full():
    with Server(rpm=60.0, burst=3, limit_headers=True, wait=0) as server:
        answers = [post(server.url, f"{number}") for number in range(5)]
    assert [status for status, _, _ in answers] == [200, 200, 200, 429, 429]
    assert [answer[1]["x-ratelimit-remaining-requests"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert answers[0][1]["x-ratelimit-limit-requests"] == "60"
    assert "Retry-After" not in answers[3][1]


def test_over_capacity_is_refused_at_once_and_takes_no_place():
    with driving.ServerProcess("--capacity", "1", "--latency", "0.3", "--wait", "2") as server:
        with socket.create_connection(("127.0.0.1", int(server.url.split(":")[2].partition("/")[0]))) as busy:
            body = json.dumps({"messages": [{"role": "user", "content": "x"}]})
            busy.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            while server.stats()["requests"] < 1:
                pass
            status, headers, _ = post(server.url)
            assert busy.recv(100).startswith(b"HTTP/1.1 200 OK")
        assert (status, headers["Retry-After"]) == (429, "2")
        account = server.stats()
        assert (account["limited"], account["max_in_flight"], account["good"]) == (1, 1, 1)
        server.reset(answer_bytes=1800, bytes_per_token=4)
        _, _, answer = post(server.url)
        text = answer["choices"][0]["message"]["content"]
        assert 1800 <= len(text) < 2100
        assert answer["usage"]["completion_tokens"] == -(-len(text) // 4)
        assert server.stats()["requests"] == 1


def test_an_outage_ends():
    with Server(outages=[(0.0, 0.2)], outage="503") as server:
        assert post(server.url)[0] == 503
        time.sleep(0.25)
        assert post(server.url)[0] == 200


def test_the_most_tokens_and_the_number_of_answers_are_obeyed():
    with Server() as server:
        _, _, answer = post(server.url, max_tokens=7, n=3)
        _, _, spoilt = post(server.url, "another")
        account = told(server)
    assert [choice["finish_reason"] for choice in answer["choices"]] == ["length"] * 3
    assert answer["usage"]["completion_tokens"] == 21
    used = answer["usage"], spoilt["usage"]
    assert account["completion_tokens"] == sum(each["completion_tokens"] for each in used)


def test_unknown_faults_are_refused():
    with pytest.raises(ValueError, match="no such fault: boom; there are: 400"):
        Server(faults={"boom": 0.1})
