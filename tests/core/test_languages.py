"""Languages are told apart."""

from __future__ import annotations

import pytest

from core.languages import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The landlord may raise the rent once a year and must say so two months ahead.", "en"),
        ("Хозяин вправе повышать плату раз в год и предупреждает об этом за два месяца.", "ru"),
        ("Expenses Name Sum Narwhal tusks 42", "en"),
        ("Beluga choirs They sing at dawn. Mention the aquarium", "en"),
        ("El dueño puede subir la renta una vez al año y debe avisar con dos meses.", "es"),
        ("Der Vermieter darf die Miete einmal im Jahr erhöhen und muss es vorher sagen.", "de"),
        ("Господар має право підвищувати плату раз на рік і попереджає про це заздалегідь.", "uk"),
        ("房东每年可以提高一次租金,必须提前两个月通知租客,否则租客可以拒绝支付更高的房租。", "zh"),
        ("大家は年に一度だけ家賃を上げることができ、二か月前に知らせなければなりません。", "ja"),
        ("집주인은 일 년에 한 번 월세를 올릴 수 있고 두 달 전에 알려야 합니다.", "ko"),
    ],
)
def test_a_language_is_detected(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["", "OK", "12.03.2024", "🙂" * 50, "2024 " * 100])
def test_too_little_is_no_language(text: str) -> None:
    assert detect_language(text) == ""
