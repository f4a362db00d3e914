import base64
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from magicoder_quality import Secrets
from magicoder_quality.credentials import DETECTORS, credentials

from magicoder_core.testing import instruction

_DRAW = random.Random(7)


def drawn(alphabet, length):
    """So many characters, for a key that is nobody's; none of these stands in this file, where scanners would find it."""
    return "".join(_DRAW.choice(alphabet) for _ in range(length))


LOWER, UPPER, DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
ALL, HEX = LOWER + UPPER + DIGITS, "0123456789abcdef"


def token(payload):
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps(payload)]
    return ".".join([*(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts), drawn(ALL, 43)])


REAL = {
    "AWS Access Key": f"aws_access_key_id = AKIA{drawn(UPPER + DIGITS, 16)}",
    "AWS Access Key (secret)": f"AWS_SECRET_KEY = '{drawn(ALL, 40)}'",
    "Artifactory Credentials": f'artifactory: "AKC{drawn(ALL, 40)}"',
    "Azure Storage Account access key": f"AccountKey={drawn(ALL, 86)}==",
    "Basic Auth Credentials": f"postgres://svc_billing:{drawn(ALL, 14)}@db.prod.internal.net:5432/billing",
    "Basic Auth Credentials (short)": "amqp://billing:kQ7xv@mq.northwind-trading.com",
    "Cloudant Credentials": f"cloudant_password = '{drawn(HEX, 64)}'",
    "Discord Bot Token": f"DISCORD_TOKEN = 'M{drawn(ALL, 23)}.{drawn(ALL, 6)}.{drawn(ALL, 27)}'",
    "GitHub Token": f"git clone https://ghp_{drawn(ALL, 36)}@github.com/a/b",
    "GitHub Token (fine-grained)": f"github_pat_{drawn(ALL, 82)}",
    "GitLab Token": f"glpat-{drawn(ALL, 20)}",
    "Google API Key": f"const key = 'AIza{drawn(ALL, 35)}';",
    "Hugging Face Token": f"hf_{drawn(LOWER + UPPER, 34)}",
    "IBM COS HMAC Credentials": f"secret_access_key: {drawn(HEX, 48)}",
    "JSON Web Token": f"Authorization: Bearer {token({'sub': 'k31', 'iss': 'billing'})}",
    "Mailchimp Access Key": f"{drawn(HEX, 32)}-us12",
    "NPM tokens": f"npm_{drawn(ALL, 36)}",
    "OpenAI or Anthropic Key": f"client = OpenAI(api_key='sk-proj-{drawn(ALL, 48)}')",
    "Private Key": "-----BEGIN RSA PRIVATE KEY-----\n"
    + "\n".join(drawn(ALL, 64) for _ in range(4))
    + "\n-----END RSA PRIVATE KEY-----",
    "PyPI Token": f"pypi-AgEIcHlwaS5vcmc{drawn(ALL, 120)}",
    "SendGrid API Key": f"SG.{drawn(ALL, 22)}.{drawn(ALL, 43)}",
    "Slack Token": f"xoxb-{drawn(DIGITS, 12)}-{drawn(DIGITS, 12)}-{drawn(LOWER + DIGITS, 24)}",
    "SoftLayer Credentials": f"softlayer_api_key = {drawn(LOWER + DIGITS, 64)}",
    "Square OAuth Secret": f"sq0csp-{drawn(ALL, 43)}",
    "Stripe Access Key": f"stripe.api_key = 'sk_live_{drawn(ALL, 24)}'",
    "Twilio API Key": f"twilio = Client('AC{drawn(HEX, 32)}', token)",
    "Assigned Secret": f"API_KEY = '{drawn(HEX, 32)}'",
    "Assigned Secret (token)": f'{{"access_token": "{drawn(ALL, 40)}"}}',
}
PLACEHOLDERS = [
    "api_key = 'YOUR_API_KEY'",
    "api_key = 'your-api-key-goes-here-1234'",
    "API_KEY = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'",
    "api_key = '1234567890abcdef1234567890abcdef'",
    "aws_access_key_id = 'AKIAIOSFODNN7EXAMPLE'",
    "aws_secret_access_key = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'",
    "secret_key = os.environ['SECRET_KEY_OF_THE_APPLICATION']",
    "SECRET_KEY = 'django-insecure-please-change-me-in-production'",
    "openai.api_key = 'sk-XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX'",
    "openai.api_key = 'sk-your-openai-api-key-goes-here-and-is-long'",
    "stripe.api_key = 'sk_live_xxxxxxxxxxxxxxxxxxxxxxxx'",
    "mongodb://user:password@localhost:27017/db",
    "postgresql://postgres:postgres@db:5432/app",
    "mysql://root:secret@127.0.0.1/test",
    "https://{user}:{password}@api.acme.io/v1",
    "redis://:$REDIS_PASSWORD@redis.prod.acme.io:6379",
    "https://username:p4ssw0rd@example.com/path",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'",
    "token = tokenizer.next_token(source)",
    "task-lists and disk-usage are sk-words",
    "import socket; s = socket.create_connection((host, port))",
]


@pytest.mark.parametrize("kind", REAL)
def test_a_credential_is_dropped(judged, kind):
    judgement = judged(Secrets(), instruction(solution=f"Use it so:\n\n```\n{REAL[kind]}\n```\n"))
    assert not judgement.keep
    assert judgement.evidence["kind"] == kind.partition(" (")[0]
    assert judgement.evidence["field"] == "solution"
    assert judgement.evidence["offset"] >= len("Use it so:\n\n```\n")


def test_each_detector_of_the_library_is_tried():
    kinds = {kind.partition(" (")[0] for kind in REAL}
    for name in DETECTORS:
        module, _, cls = name.partition(".")
        found = getattr(__import__(f"detect_secrets.plugins.{module}", fromlist=[cls]), cls)
        assert found.secret_type in kinds, name


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder_is_kept(judged, text):
    judgement = judged(Secrets(), instruction(solution=text))
    assert judgement.keep, judgement.evidence


def test_the_evidence_does_not_hold_the_secret(judged):
    judgement = judged(Secrets(policy="flag"), instruction(REAL["GitHub Token"], REAL["Stripe Access Key"]))
    assert judgement.keep
    assert judgement.reason == "has a secret: GitHub Token"
    assert judgement.evidence["found"] == 2
    secret = REAL["GitHub Token"].split("//")[1].split("@")[0]
    assert secret[:8] not in json.dumps(judgement.to_dict())


def test_a_secret_in_the_tests_counts(judged, row):
    assert judged(Secrets(), row("x = 1", tests=f"key = 'ghp_{drawn(ALL, 36)}'")).evidence["field"] == "tests"


def test_assignments_can_be_left_out(judged):
    subject = instruction(solution=REAL["Assigned Secret"])
    assert judged(Secrets(assigned=False), subject).keep


@given(st.text(max_size=200))
def test_no_text_breaks_the_detectors(text):
    for one in credentials(text):
        assert text[one.start :].startswith(one.text)


def test_a_long_line_takes_no_time(judged):
    text = "://" + "a:" * 60_000 + "@" + "token secret AKIA " * 5_000
    assert judged(Secrets(), instruction(solution=text)).keep
