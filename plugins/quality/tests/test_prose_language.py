import pytest
from magicoder_quality import ProseLanguage, prose_language

from magicoder_core import RecipeError
from magicoder_core.testing import instruction

FOREIGN = {
    "de": "Schreibe eine Funktion, die eine Liste ganzer Zahlen entgegennimmt und die Summe aller geraden Zahlen zurückgibt. Leere Listen ergeben null.",
    "fr": "Écrivez une fonction qui prend une liste d'entiers et renvoie la somme de tous les nombres pairs qu'elle contient, ou zéro si elle est vide.",
    "es": "Escribe una función que reciba una lista de números enteros y devuelva la suma de todos los números pares que contiene esa lista.",
    "it": "Scrivi una funzione che riceve un elenco di numeri interi e restituisce la somma di tutti i numeri pari che contiene quell'elenco.",
    "pt": "Escreva uma função que receba uma lista de números inteiros e devolva a soma de todos os números pares que estão nessa lista.",
    "nl": "Schrijf een functie die een lijst met gehele getallen ontvangt en de som van alle even getallen teruggeeft, of nul als de lijst leeg is.",
    "ru": "Напишите функцию, которая принимает список целых чисел и возвращает сумму всех чётных чисел этого списка, или ноль, если он пуст.",
    "zh": "编写一个函数,接收一个整数列表,并返回其中所有偶数的总和。如果列表为空,则返回零。请确保函数能够正确处理负数,并且不要修改传入的列表本身,还要写出清楚的说明文字。",
    "ja": "整数のリストを受け取り、その中の偶数の合計を返す関数を書いてください。リストが空の場合はゼロを返し、元のリストは変更しないでください。説明も短く付けてください。",
    "tr": "Bir tam say\u0131 listesi alan ve bu listedeki tüm çift say\u0131lar\u0131n toplam\u0131n\u0131 döndüren bir fonksiyon yaz\u0131n; liste boşsa s\u0131f\u0131r döndürsün.",
}
ENGLISH = [
    "Write a function that takes a list of integers and returns the sum of all even numbers in it.",
    "Sort array.",
    "Implement quicksort algorithm, recursive version, Python 3, median pivot selection, duplicates allowed, stable ordering unnecessary",
    "Create a C++ class `Matrix` with operators `+`, `-` and `*`; see https://en.cppreference.com/w/cpp/language/operators for the list.",
    "Translate “Guten Morgen, wie geht es Ihnen heute?” to English with a dictionary, and print every word on a line of its own.",
    "Remove accents from words like 'déjà', 'naïve', 'façade', 'crème brûlée' and return the plain ASCII text of the given list.",
    "Generate code for binary search tree insertion deletion traversal (inorder, preorder, postorder) using Java generics",
]


@pytest.mark.parametrize("language", FOREIGN)
def test_another_language_is_dropped(judged, language):
    judgement = judged(ProseLanguage(), instruction(FOREIGN[language]))
    assert not judgement.keep
    assert judgement.evidence["field"] == "problem"
    assert judgement.evidence["language"] == language
    assert judgement.evidence["confidence"] >= 0.9
    assert judged(ProseLanguage(languages=("en", language)), instruction(FOREIGN[language])).keep


@pytest.mark.parametrize("text", ENGLISH)
def test_english_is_kept(judged, text):
    assert judged(ProseLanguage(), instruction(text)).keep


def test_an_explanation_counts_and_code_does_not(judged):
    code = "```python\n# Diese Funktion verdoppelt den Wert, der ihr übergeben wird, und gibt ihn danach zurück.\ndef f(x):\n    return 2 * x\n```"
    assert judged(ProseLanguage(), instruction(solution=code)).keep
    judgement = judged(ProseLanguage(), instruction(solution=f"{code}\n\n{FOREIGN['de']}"))
    assert not judgement.keep
    assert judgement.evidence["field"] == "solution"


def test_code_without_a_fence_is_no_prose(judged):
    code = "class Persona:\n    def __init__(self, nombre, apellido, direccion):\n        self.nombre = nombre\n        self.apellido = apellido\n"
    assert judged(ProseLanguage(), instruction(solution=code)).keep


def test_short_texts_pass(judged):
    assert judged(ProseLanguage(), instruction("Sortiere die Liste.")).keep
    assert not judged(
        ProseLanguage(min_letters=10, min_confidence=0.5), instruction("Sortiere die Liste bitte absteigend.")
    ).keep


def test_english_is_dropped_where_it_is_not_wanted(judged):
    assert not judged(ProseLanguage(languages=("de",)), instruction(ENGLISH[0])).keep


def test_unknown_languages_are_refused():
    with pytest.raises(RecipeError, match="no language 'klingon'"):
        ProseLanguage(languages=("en", "klingon")).check()
    ProseLanguage(languages=("en", "de")).check()
    with pytest.raises(ValueError, match="languages"):
        ProseLanguage(languages=())


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "编写一个函数,接收一个整数列表,并返回其中所有偶数的总和。"),
        ("ja", "リストを受け取り、合計を返す関数を書いてください。"),
        ("ko", "정수 목록을 받아 짝수의 합을 반환하는 함수를 작성하세요."),
    ],
)
def test_a_letter_that_says_much_counts_threefold(judged, language, text):
    judgement = judged(ProseLanguage(), instruction(text))
    assert (judgement.keep, judgement.evidence["language"]) == (False, language)
    assert judged(ProseLanguage(min_letters=100), instruction(text)).keep


def test_what_may_be_one_of_two_unwanted_languages_is_neither_wanted(monkeypatch, judged):
    class Doubtful:
        """A model that wavers between two languages, neither of them English."""

        labels = ("ru", "bg", "en")

        def rank(self, text):
            return [("ru", 0.6), ("bg", 0.39), ("en", 0.01)]

    subject = ProseLanguage()
    monkeypatch.setattr(prose_language, "_identifier", Doubtful)
    judgement = judged(subject, instruction(FOREIGN["ru"]))
    assert (judgement.keep, judgement.evidence["language"], judgement.evidence["confidence"]) == (False, "ru", 0.99)
    wanted = ProseLanguage(languages=("en", "bg"))
    assert judged(wanted, instruction(FOREIGN["ru"])).keep
