import pytest
from magicoder_quality import Refusal

from magicoder_core.testing import instruction

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I\u2019m sorry, but I can\u2019t assist with that request.",
    "I am sorry, but I am not able to access external websites.",
    "Sorry, I cannot provide the code for this task.",
    "Sorry, but as an AI language model I don't have access to your files.",
    "As an AI language model, I cannot execute code.",
    "As an AI, I do not have the ability to browse the internet.",
    "As a large language model, I am unable to do that.",
    "I cannot fulfill your request. I am just an AI model.",
    "I can't create malware, and I won't help you spread it.",
    "I'm unable to complete this task without more information.",
    "Unfortunately, I cannot generate an image.",
    "Unfortunately, I am unable to provide a solution to this problem.",
    "I apologize, but I cannot continue with this conversation.",
    "I must decline this request.",
    "I'm just an AI, so I have no opinion.",
    "I don't feel comfortable writing this program.",
    "I do not have access to the file you mention.",
    "It is not possible for me to run the program.",
    "I won't be able to help with this request.",
    "Sorry, but that's something I can't do.",
    "That is not something I can help you with.",
    "This request violates the usage policies, so I can't continue.",
    "I'm not comfortable writing this code.",
    "I am not allowed to answer that.",
    "Thank you for your question! I'm sorry, but I will not assist with password cracking.",
]
HONEST = [
    "I cannot stress enough how important it is to close the file.",
    "I can't recommend this library enough; here is how to use it.",
    "I'm sorry for the confusion; here is the corrected code:\n```python\nx = 1\n```",
    "Sorry for the delay. The function below sorts the list.",
    "You cannot create an instance of an abstract class.",
    "A set cannot contain duplicates, so we use one.",
    "The program cannot access the file if it is locked, so we retry.",
    "If the list is empty, I return None, as I cannot compute a mean of nothing.",
    "We are unable to modify a tuple, so we make a new one.",
    "This won't work for negative numbers, so we take the absolute value.",
    "As an alternative, I use a dictionary.",
    "As an example, I take the list [1, 2].",
    "An AI language model such as GPT predicts the next token.",
    "Here is a chatbot that declines requests:\n```python\nprint(\"I'm sorry, but I can't help with that.\")\n```",
    "def refuse():\n    return \"I'm sorry, but I can't help with that.\"\n",
    "print('Sorry, I cannot provide that')",
    "```python\n# I cannot provide the key here\nkey = None\n```",
    "The program should reply with I can't help with that when it is asked for a password.\n```python\nx = 1\n```",
    "The bot will say: I can't answer, and stop.\n```python\nx = 1\n```",
    "That is something I can do in one line: `sum(x)`.",
    "I'm not going to explain the imports.",
    "I don't think a loop is needed: sum() does it.",
    "It is not possible to divide by zero.",
    "",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_dropped(judged, text):
    judgement = judged(Refusal(), instruction(solution=text))
    assert not judgement.keep
    assert judgement.reason == "refusal"
    plain = text.replace("\u2019", "'")
    assert plain[judgement.evidence["offset"] :].startswith(judgement.evidence["phrase"])


@pytest.mark.parametrize("text", HONEST)
def test_an_honest_text_is_kept(judged, text):
    judgement = judged(Refusal(), instruction(solution=text))
    assert (judgement.keep, judgement.reason) == (True, None), judgement.evidence


def test_a_refusal_far_into_the_text_is_none(judged):
    text = "The function adds two numbers and returns their sum. " * 12 + "I'm sorry, but I can't help with more."
    assert judged(Refusal(), instruction(solution=text)).keep


def test_a_refusal_before_code_is_flagged_or_dropped(judged):
    text = "I'm sorry, but I can't run code. This should work:\n```python\nx = 1\n```"
    judgement = judged(Refusal(), instruction(solution=text))
    assert (judgement.keep, judgement.reason) == (True, "refusal before code")
    assert not judged(Refusal(with_code=True), instruction(solution=text)).keep
