"""A sentence with numbers in it is broken between words."""

from utils.sentences import tell


def test_a_long_sentence_is_broken_between_words_and_goes_on_indented(capsys):
    sentence = " ".join(f"word{i}" for i in range(60))
    tell(sentence)
    first, *others = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 100 for line in [first, *others]) and all(line.startswith("   word") for line in others)
    assert " ".join([first, *map(str.strip, others)]) == sentence
