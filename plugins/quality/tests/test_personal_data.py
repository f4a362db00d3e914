import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from magicoder_quality import PersonalData
from magicoder_quality.personal_data import personal

from magicoder_core.testing import instruction

FOUND = [
    ("Contact k.lindqvist84@gmail.com for more.", "email", "k.lindqvist84@gmail.com"),
    ("author = 'Mira Vogt <mira.vogt@tu-berlin.de>'", "email", "mira.vogt@tu-berlin.de"),
    ("mailto:h.okafor+dev@northwind-trading.co.uk", "email", "h.okafor+dev@northwind-trading.co.uk"),
    ("Call me at +49 30 901820 tomorrow.", "phone", "+49 30 901820"),
    ("Tel. (604) 457-4895", "phone", "(604) 457-4895"),
    ("number: 604-457-4895.", "phone", "604-457-4895"),
    ("ssh deploy@93.184.216.34", "ip", "93.184.216.34"),
    ("ping 2a00:1450:4001:82a::200e.", "ip", "2a00:1450:4001:82a::200e"),
    ("http://[2a02:2f0c:570c:fe00:1d:0:0:7]:80/", "ip", "2a02:2f0c:570c:fe00:1d:0:0:7"),
    ("The server 185.199.108.153 does not answer.", "ip", "185.199.108.153"),
]
NOBODY = [
    "fe80::1ff:fe23:4567:890a ::1 2001:db8::8a2e:370:7334 2001:0db8:85a3:0000:0000:8a2e:0370:7334 ff02::1:2:3",
    "2001:4860:4860::8888 2606:4700:4700::1111",
    "x[2000::2], 2024:10:05 12:30:45, std::vector<2::3>, 2a00:1450:4001:82a::200e:1:2:3:4",
    "test@example.com, someone@example.org, a@b.example",
    "user@domain.com, you@company.com, john.doe@gmail.com, jane@yahoo.com, joe_doe@gmail.com, JaneDoe7@aol.com, your_name@gmail.com",
    "info@acme.com, noreply@github.com, git@github.com:user/repo.git",
    "admin@mysite.com, foo@bar.com, abc@xyz.com, firstname.lastname@gmail.com",
    "x@self.weights, A@B.T, y = a@b.mean(), self.W@self.x",
    "pip install lodash@4.17.21, @types/node@18.11.9, package@latest",
    "@Override @app.route('/') @dataclass",
    "https://user@host/path",
    "127.0.0.1 0.0.0.0 255.255.255.255 192.168.1.1 10.0.0.7 172.16.254.1 169.254.169.254 224.0.0.1",
    "192.0.2.44 198.51.100.7 203.0.113.99",
    "8.8.8.8 8.8.4.4 1.1.1.1",
    "version 93.184.216.34, v93.184.216.34, numpy==91.184.216.34, 1.2.3.4, 2.0.0.1, 10.2.3.4",
    "256.300.1.1 999.184.216.34 93.184.216.34.5 1.93.184.216.34 93.184.216.0",
    "oid 1.3.6.1.4.1.311.21.10",
    "555-123-4567 (555) 867-5309 123-456-7890 +1 555 0100 800-555-0199 111-222-3333",
    "2023-10-05 10:33:12, 1,234,567.89, 0x1f2e3d4c, 3.14159265358979",
    "x = 604 - 457 - 4895; range(604, 457, 4895)",
    "9780306406157 4111111111111111 1234567890",
]


@pytest.mark.parametrize(("text", "kind", "whole"), FOUND)
def test_somebodys_address_or_number_is_dropped(judged, text, kind, whole):
    assert [(one.kind, one.text) for one in personal(text)] == [(kind, whole)]
    judgement = judged(PersonalData(), instruction(text))
    assert not judgement.keep
    assert judgement.reason == f"has personal data: {kind}"
    assert judgement.evidence["offset"] == text.index(whole)
    assert whole not in json.dumps(judgement.to_dict())
    others = tuple(other for other in ("email", "phone", "ip") if other != kind)
    assert judged(PersonalData(kinds=others), instruction(text)).keep
    assert judged(PersonalData(policy="flag"), instruction(text)).keep


@pytest.mark.parametrize("text", NOBODY)
def test_what_is_nobodys_is_kept(judged, text):
    assert personal(text) == []


@given(st.text(alphabet="ab1.@+-() 23456789\n", max_size=120))
def test_what_is_found_stands_there(text):
    for one in personal(text):
        assert text[one.start :].startswith(one.text)
