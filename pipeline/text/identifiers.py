"""National identifiers of the six languages' countries, by their structure and check digits.

Each check takes the digits (and letters) without separators. Sources: US Social Security
Administration (no check digit), NHS Data Dictionary, GB 11643-1999, the Japanese ordinance on
individual numbers, INSEE (NIR), Russian Pension Fund and tax service orders, Spanish Interior
Ministry.
"""

from __future__ import annotations

from datetime import date


def is_us_ssn(digits: str) -> bool:
    """Return whether area, group and serial are ones that are given out."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def is_uk_nhs_number(digits: str) -> bool:
    """Check the tenth digit, modulo 11."""
    weighted = sum(
        int(digit) * weight for digit, weight in zip(digits[:9], range(10, 1, -1), strict=True)
    )
    return len(set(digits)) > 1 and (11 - weighted % 11) % 11 == int(digits[9])


def is_chinese_resident_id(number: str) -> bool:
    """Check the date of birth and the last character (ISO 7064 MOD 11-2)."""
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    weighted = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    return "10X98765432"[weighted % 11] == number[17].upper()


def is_japanese_individual_number(digits: str) -> bool:
    """Check the twelfth digit, modulo 11 with weights 2 to 7 from the right."""
    weights = [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]
    rest = sum(int(digit) * weight for digit, weight in zip(digits[:11], weights, strict=True)) % 11
    return len(set(digits)) > 1 and int(digits[11]) == (0 if rest <= 1 else 11 - rest)


def is_french_nir(number: str) -> bool:
    """Check the two-digit key, 97 less the number modulo 97; Corsica counts as 19 and 18."""
    digits = number.upper().replace("2A", "19").replace("2B", "18")
    return digits.isdecimal() and 97 - int(digits[:13]) % 97 == int(digits[13:])


def is_russian_snils(digits: str) -> bool:
    """Check the last two digits, the weighted sum modulo 101."""
    weighted = sum(
        int(digit) * weight for digit, weight in zip(digits[:9], range(9, 0, -1), strict=True)
    )
    return len(set(digits)) > 1 and weighted % 101 % 100 == int(digits[9:])


def is_russian_inn(digits: str) -> bool:
    """Check the two last digits of a person's tax number."""
    weights = [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]
    first = (
        sum(int(digit) * weight for digit, weight in zip(digits[:10], weights[1:], strict=True))
        % 11
        % 10
    )
    second = (
        sum(int(digit) * weight for digit, weight in zip(digits[:11], weights, strict=True))
        % 11
        % 10
    )
    return len(set(digits)) > 1 and digits[10:] == f"{first}{second}"


def is_spanish_dni(number: str) -> bool:
    """Check the letter of a DNI or NIE, the number modulo 23; X, Y, Z open a NIE as 0, 1, 2."""
    digits = number[:-1].upper().translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == number[-1].upper()
