import pytest

from pipeline.text.mask import mask


@pytest.mark.parametrize(
    ("language", "text", "masked"),
    [
        ("en", "Write to j.doe@clinic.org or (212) 555-0173.", "Write to [EMAIL] or [PHONE]."),
        ("en", "call 1-800-273-TALK, 020 7946 0958", "call 1-800-273-TALK, [PHONE]"),
        ("zh", "心理热线400-161-9995，本人13812345678", "心理热线400-161-9995，本人[PHONE]"),
        ("ja", "窓口は0120-783-556、私は090-1234-5678", "窓口は0120-783-556、私は[PHONE]"),
        ("fr", "0800 05 95 95 ou 06 12 34 56 78", "0800 05 95 95 ou [PHONE]"),
        ("es", "llame al 900 107 917 o al 612 345 678", "llame al 900 107 917 o al [PHONE]"),
        ("en", "+44 20 7946 0958 is the ward", "[PHONE] is the ward"),
        ("en", "SSN 219-09-9999, MRN: 00482913", "SSN [NATIONAL_ID], MRN: [RECORD_NUMBER]"),
        ("en", "NHS patient 943 476 5919.", "NHS patient [NATIONAL_ID]."),
        ("en", "my record number 12345678", "my record number [RECORD_NUMBER]"),
        (
            "fr",
            "mon dossier porte le numéro 12345678, mon téléphone est le 06 39 98 00 00",
            "mon dossier porte le numéro [RECORD_NUMBER], mon téléphone est le [PHONE]",
        ),
        (
            "es",
            "mi teléfono es el 600 000 000 y mi historia clínica la 12345678",
            "mi teléfono es el [PHONE] y mi historia clínica la [RECORD_NUMBER]",
        ),
        ("zh", "我的手机13812345678，座机010-62345678", "我的手机[PHONE]，座机[PHONE]"),
        ("zh", "证件11010519491231002X", "证件[NATIONAL_ID]"),
        ("zh", "病历号：20230415", "病历号：[RECORD_NUMBER]"),
        ("zh", "邮箱wang＠yiyuan.cn", "邮箱[EMAIL]"),
        ("ja", "０９０－１２３４－５６７８か03-1234-5678へ", "[PHONE]か[PHONE]へ"),
        ("ja", "番号は1234 5678 9018です", "番号は[NATIONAL_ID]です"),
        ("ja", "患者ID：114-0021", "患者ID：[RECORD_NUMBER]"),
        ("fr", "au 06 12 34 56 78 ou +33 6 12 34 56 78", "au [PHONE] ou [PHONE]"),
        ("fr", "assurée 1 84 12 76 451 089 46.", "assurée [NATIONAL_ID]."),
        ("fr", "numéro de dossier : 4567812", "numéro de dossier : [RECORD_NUMBER]"),
        (
            "ru",
            "звоните +7 (916) 123-45-67 или 8 800 555-35-35",
            "звоните [PHONE] или 8 800 555-35-35",
        ),
        ("ru", "СНИЛС 112-233-445 95, 500100732259", "СНИЛС [NATIONAL_ID], [NATIONAL_ID]"),
        ("ru", "номер карты 123456", "номер карты [RECORD_NUMBER]"),
        ("es", "al 612 345 678 o 91 234 56 78", "al [PHONE] o [PHONE]"),
        ("es", "con 12345678Z o X1234567L", "con [NATIONAL_ID] o [NATIONAL_ID]"),
        ("es", "número de historia: 1234567", "número de historia: [RECORD_NUMBER]"),
    ],
)
def test_personal_data_is_replaced_by_its_kind(language: str, text: str, masked: str) -> None:
    result = mask(text, language)
    assert result.text == masked
    assert [f"[{kind}]" in masked for kind in result.found] == [True] * masked.count("[")
    assert mask(result.text, language).found == ()


def test_found_is_in_the_order_of_the_text() -> None:
    assert mask("a@b.org, 212-555-0173, c@d.org", "en").found == ("EMAIL", "PHONE", "EMAIL")


@pytest.mark.parametrize("language", ["en", "zh", "ja", "fr", "ru", "es"])
@pytest.mark.parametrize(
    "text",
    [
        "120-140, 60-100, 2013-2014, 2013/05/12, 1957-1958-1959",
        "CAS 50-78-2, 7732-18-5; ATC N02BA01; ICD-10 E11.9; rs11549465; BRCA1 185delAG",
        "PMID: 16100637, PMID 12345678, NCT00038727, doi:10.4103/0972-5229.140151",
        "10.000.000, 10 000 000, 10,000,000, 900 000 000, 20807000 UI/mL",
        "WBC 5.6×10⁹/L, 3100-3500 cm-1, CA19-9 29432 U/mL, BP 120-138-182/77-89",
        "Options 1-3-5, 2-4; codons 1445-1580; p2302-2304; 134 210 0.03",
        "GB 3838-2002, S20143005, H20070272",
        "12345678A, 219-00-9999, 000-12-3456, 110105194912310021",  # false check digits
    ],
)
def test_medicine_is_left_alone(language: str, text: str) -> None:
    assert mask(text, language) == (text, ())
