"""IgakuQA: the Japanese national medical licensing examinations 112-116, and an English column.

Each block is three files joined by `problem_id`: the problems, a machine translation of them, and
metadata with the specialty. Traps: in a series of problems on one case only the first tells the
case, so the parser gives it to the others as `context`; the 12 problems without choices are
answered digit by digit on a sheet ("①.②g/日"), so that upstream's "21" means 2.1; the English
column is unedited model output, in some hundred problems with an "I cannot translate" in it.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from schemas.item import BadRow, Flag, Item
from sources.reading import EXCERPT_CHARACTERS, letter_index, read_jsonl
from sources.source import File, Source

_COMMIT = "2bc4c3d159cf5505f6253d24a909fbd53237e239"
_SHA256 = {
    "2018/112-A": "eea86dfe79d4496de32eafbbb57b1d03a1cd619713b1b5999c49eae6d6d3079f",
    "2018/112-A_metadata": "129b6fc72471eac76bd7493daffd032d7c398debd3c1136e99b95b86d20c3630",
    "2018/112-A_translate": "55c06228c1c055f96552b8db5feb46b9611464a9e0a9843bb16c1e3e9759b927",
    "2018/112-B": "209db838c06b075d8c56b166e7b3489676fc47d69d1c0bc0b5978b4b34434dbf",
    "2018/112-B_metadata": "4bf9e9b4cb1ccd287c99e68fdf0ec362980bec200390abe5fc48fe73931b0eec",
    "2018/112-B_translate": "c4827ae56177bb9d4fd68f04dd9463b2fc83058d1a153eb763d11e3283c183e7",
    "2018/112-C": "51814ee3935b3736240d341c38220171c801ae133e4c8713b4caba99bba15b14",
    "2018/112-C_metadata": "78291e78c5b922797cad88c6118d55445991d0a641e81a711643a4b5dc99e457",
    "2018/112-C_translate": "243c16ddacb89e0a0aa72eea5f9c9150500d0433f8de8ec12354ad1b4e55c607",
    "2018/112-D": "772b3f472c2e156992ee7b23999f49031d7ba04297f7a371b6d1343a3f24fc02",
    "2018/112-D_metadata": "2a6241f92f5f6b1d51035ccb8e7671aec19ee4f460e0e91fbb95aad3805de588",
    "2018/112-D_translate": "60ff1f16c51bbeaec013c9d6afaec6290fb25fd9c42f63ffda745785c4405fd3",
    "2018/112-E": "aa999536fc9a1e26b407fee72d22ea97ef30c3c00ad1243d7567c664f0022834",
    "2018/112-E_metadata": "2c80983d1a8abe00a41692034e5b4288c7967bde5987f34c964bebdb24d2c71d",
    "2018/112-E_translate": "33425f019d910bec168c30e2eeb4515a976c0add8aab01bd1c98415171d8533d",
    "2018/112-F": "1031d6d9fd80d1c78af364530251a101e8441ef6c46d5aea8017a8101cdd3107",
    "2018/112-F_metadata": "4192be63305e86956711ec4407b45b85bba423783ffc1a92b2104b2858015b4e",
    "2018/112-F_translate": "2be5359201c77189895084103901da00b19a14daf09278195c33bfe6f1f95a86",
    "2019/113-A": "b120dddb03f0ea412ee491386e6c479e9f664550b7b4e3f7fae8da57fcf845a5",
    "2019/113-A_metadata": "e15e9abb1ee5dbf4996ddd8b3ad71e2cbb2cf846d599725959fd13a6b4c31416",
    "2019/113-A_translate": "e1a27e7cb3ff3026d97cf04e7661be06848b1143320e7a076ff862879ff51f60",
    "2019/113-B": "79c1521fac7d9fed9ce35b2aa90ce8d8309d37a0a19e5fee908b1cd57d8c3ca5",
    "2019/113-B_metadata": "1573397a62607bb55e4f010a2e0c950dee26da1a86dfc976e7605dc7c9fb2d63",
    "2019/113-B_translate": "e082147a94a324521f0c7a8b7f27a1f13a29072c2c471803cc08148ed406dae8",
    "2019/113-C": "fb695d2b11dc30534d5be689bb5371223fb67607b3454288340fd1b475d24781",
    "2019/113-C_metadata": "4d45dda93f9f4f12e630c3d096723e888dd818d8b9c4a3cba17dca5142d2b8cb",
    "2019/113-C_translate": "226f8f0e897f9037e3cd623493d2f630bef315a9d494dc1ecc0b46fb4de20a7f",
    "2019/113-D": "1bd92e4bf986c8e8ac037f6c301771b1be1163ed366f8030cee378d7e1f3f4ca",
    "2019/113-D_metadata": "aa65f63754f6f15df8aaa878528782812bb5503279953ecb314cf1f5061fda1e",
    "2019/113-D_translate": "e3fb4c8acfbde9d3747d7e8834306a07cd71ee85adbdadcde88c0ec4ce6b0234",
    "2019/113-E": "98a8a8fe59d6cbdc9e840bf4b49c82943f5ea1998eab7f0a94382e413399a49a",
    "2019/113-E_metadata": "fc3bd8ce4be293509da407f9b2e33a9ff80eaf7bc32c5f17c6ca4af8592a4abc",
    "2019/113-E_translate": "9875bb0c43a3f287ebbdc2a6285f9992c2ae2c1990f286e0e03076f175b16c9d",
    "2019/113-F": "487ae5c94494c353ca25b7eecb100620686e490d4ca966e7b5b026fb638e9ad2",
    "2019/113-F_metadata": "bc84c243dc4a3853bea7a3321d2f9144be90d563e01a6eda28e1581563187d84",
    "2019/113-F_translate": "4d00eb17bbcd83e4b7c6f2668bcf648b20414028cf3e8e605b14369676c2323d",
    "2020/114-A": "ef89ce3561b4a9d495569f6030001526c7c849ae6d9953badcb6f8ebd207f83a",
    "2020/114-A_metadata": "7d84d9374fc9afcc1dfa80550c130ab9a2354fa0c519e641e677628a73768db4",
    "2020/114-A_translate": "bdb33836e47986075a4a879cc93cce888299d08accc1bf9f19f0a80d2245686c",
    "2020/114-B": "ee3f803cc2b009031d45c7644c8b8ff6cd7b949ff03e50e765ef3b0699a6d631",
    "2020/114-B_metadata": "dcfb1872d2c15f835740a65bafe527511f009cf2b92fc868e8d6540bd4ad8630",
    "2020/114-B_translate": "57315fe39fc940e97673799627489ee6fa06667dcfe71c8a83119913c4cb5c2e",
    "2020/114-C": "4b8ae4543f9e79243e9d570a772269ce0c4620f669ffef56883a570b7d8988d0",
    "2020/114-C_metadata": "f710c991ce1a235dac3ca1b41eb61cc292e94c8eeae62f85ddf7b935e70830cb",
    "2020/114-C_translate": "5f175a5a9157efaf862a56f16b0f2e18c4befc58117eb18faf9f65fd24d785fd",
    "2020/114-D": "ed1c52e100b6922c84c917612226df74ab36a4a0284ff1348bbb1eee061f9406",
    "2020/114-D_metadata": "950d8322a5d76e4d93fbf5dbe6d40667be3fb7668f168ad3f6cafe0943545282",
    "2020/114-D_translate": "06c2b57e2467693d49e436143ab7e746c9f2927ce7015788c47464da9e6429df",
    "2020/114-E": "07ed51444726630f91a98b0ce671202af9607e462684d66ce3481aecce352dd4",
    "2020/114-E_metadata": "97da785ade356533fa78a8d2c9d43dbe507a8394c2e63697f8cebbefca9bb800",
    "2020/114-E_translate": "37b2c38c78ebecefd803af965cfdcef25d51bd52727b1a47ff1be1f6c557c0b8",
    "2020/114-F": "f115ba90c84c43a6f41cfba307aa8a2054923047e0a775724e7df56b7642dcd7",
    "2020/114-F_metadata": "e7be9e7fda22874002eab4026e0fc04b854ec28adeb28e87599d16a91597f1a4",
    "2020/114-F_translate": "13138b1d5379255961bbf4e17c46d0ddb58c2c360ae55814dff4d7c593d02c79",
    "2021/115-A": "590e67de9e2ba9fb76143b8f3c89b4506d8b1974bb2b57ce4aeb0837974450c4",
    "2021/115-A_metadata": "04f798d6b927f9e6a6fc0d5eb24cdc00bbce13ed0103f7cd9b02b0860a22c4c5",
    "2021/115-A_translate": "f35cd1bd785a2eb62fb81a1b6865aaf152aefff97161dfc3c9ea6086e6047e0d",
    "2021/115-B": "35913ca25740926494bd0dc2dd5dd4f56763bc58696a079895a9ebc4c245ffe2",
    "2021/115-B_metadata": "c7a1014fc233e149760a32a08ffc357351a6b019c809283288afbde9afbed572",
    "2021/115-B_translate": "3c9e45a3dade1c3165004ec5ac3795a0a7a9f08e9f64eb033558dcc9f3a83b19",
    "2021/115-C": "c2cb2bc500088f835836987ab94f85e2c663ef3ff9d0b72141af635a50ac9e77",
    "2021/115-C_metadata": "cdfa1d210fe506917c10005c709c1cafaadf4a3b5c8d84ac733cd80a24cbeafb",
    "2021/115-C_translate": "befd4fec5de85a3e171ec4b717db56ca627dcceabd3776249f19828a17027814",
    "2021/115-D": "30000d02e539c319635f6e482ab59640f5059c47938a4a8bd1e1c9ffcc9527e6",
    "2021/115-D_metadata": "a6c024f5abab017423a48e156b50f615098f989024b618f05f6d8bab48335907",
    "2021/115-D_translate": "d397313ecdc91bd8f0b985ead45f50dbb916aa731aa9434392dac5aed4b58a60",
    "2021/115-E": "385d3464c003100f058b65d25c94e7e88d59a2aa3bccdbfa1967f65fd4c7d166",
    "2021/115-E_metadata": "b364d333cdca566c42ba117eb0db51f4a145e0a929d1eae072b270383500ae23",
    "2021/115-E_translate": "fb3a62775a335feada585975caa2a988fd8047d49337ba7a5d6b67a53b679cab",
    "2021/115-F": "39de2902e1691b98b29def80dae29a809fdb857e58c5fa77e79130ddf5073190",
    "2021/115-F_metadata": "c78218031a20d079b5b897809a3b75369b349ce04a868c4c16bb870f4484c858",
    "2021/115-F_translate": "47de72cdf90d05f0d426dce9b747325d1ac542c3d2ebbb364c1d06b3a5d40786",
    "2022/116-A": "69e46553d3a7065ee488d8456eef5d5aeba9fa2998b0b177b981a1b14f464b06",
    "2022/116-A_metadata": "e6900108034cccebcfd4c04f3f7d012df792757b506174078c97f0e8e73f1f01",
    "2022/116-A_translate": "02e69dc015cf247e52b9560cfe3fe0deff9dea5332ee1276cc714204c007b7c6",
    "2022/116-B": "b083a127521d87c75eee37009cac0af09229d24087b387f72e4c7d2e660bd7ae",
    "2022/116-B_metadata": "5b3cb6a1b93dcf0d84cec5160528646b7af59461286e7762247fc0ef47042950",
    "2022/116-B_translate": "d8fe7668e28f6495115b28fceef5b27f2d610b14cc327f21ada8e1a13097fa6e",
    "2022/116-C": "aeda3ddf49513b43c2487dcecb6e8f2856c54c0ab2aa0745876a788e5f86c440",
    "2022/116-C_metadata": "d2bdc47095a631a22ddb04ae90efb249499ea7f0aac0f08b8e5da9dfe6ca75a1",
    "2022/116-C_translate": "20c8f67d8a7b3fb380f69d659a525d3c88fa65246eb0565310fbf31acc61277f",
    "2022/116-D": "6c924ef1862bb3c935eecfaebb8ea3b051bbdf22055a04ced14e2e3e24c9e892",
    "2022/116-D_metadata": "b81c9878880cb0f9512d2eba92cf70025338868f326614b76d44a7c87736ad0f",
    "2022/116-D_translate": "d1d23c66b021c70fa01e0928a02f4e9a5394c8059e712bdb368077af2e7c6bfe",
    "2022/116-E": "ca3f9d4ad4c0c1bca008068056e1f5bdfde63d8a8b4744b2d4b534822c000183",
    "2022/116-E_metadata": "4f68bd46f045cf44350b7b852632334d5cc1e58ae36833fa7ac21cdb060104f2",
    "2022/116-E_translate": "9c721dce946c8cd7ab968e90c4b963d3855285478637d788891ebbbec1349d85",
    "2022/116-F": "3b253f8928cefb27e7706bf6d81a7f9c40ce5568d56923a7ec4ab81042fbba24",
    "2022/116-F_metadata": "adad02166f531adbd3836b3940c5831d87e52aa965f4955457bf437e46ef7a6f",
    "2022/116-F_translate": "079f5dce983f5910c74a2d16157e205825a2e0f3677a849223b4b88ef34c9a4c",
}
_OLDER_EXAMS = ("112", "113", "114", "115")


def _files(*exams: str, suffixes: tuple[str, ...]) -> tuple[File, ...]:
    """Declare the files of some exams that end in one of the suffixes."""
    return tuple(
        File(
            path=f"ja/igakuqa/{name}.jsonl",
            sha256=sha256,
            url=f"https://raw.githubusercontent.com/jungokasai/IgakuQA/{_COMMIT}/data/{name}.jsonl",
        )
        for name, sha256 in _SHA256.items()
        if name[5:8] in exams and name[10:] in suffixes
    )


SOURCE = Source(
    name="igakuqa",
    title="IgakuQA (Japanese national medical licensing examinations 112-116)",
    homepage="https://github.com/jungokasai/IgakuQA",
    revision=_COMMIT,
    languages=("ja", "en"),
    files={
        "ja/112-115": _files(*_OLDER_EXAMS, suffixes=("", "_metadata")),
        "ja/116": _files("116", suffixes=("", "_metadata")),
        "en/112-115": _files(*_OLDER_EXAMS, suffixes=("_translate",)),
        "en/116": _files("116", suffixes=("_translate",)),
    },
    splits={
        "ja/112-115": "train",
        "ja/116": "benchmark",
        "en/112-115": "reference",
        "en/116": "benchmark",  # a translation of a benchmark is one
    },
    license="LicenseRef-none-stated",
    license_evidence=f"https://github.com/jungokasai/IgakuQA/tree/{_COMMIT} has no licence text",
    redistributable="unknown",
    forms=("exam",),
    citation=(
        "Kasai, Kasai, Sakaguchi, Yamada, Radev (2023). Evaluating GPT-4 and ChatGPT on Japanese "
        "Medical Licensing Examinations. arXiv:2303.18027."
    ),
    expected_rows={
        "ja/112-115": {"ja/mcq": 1591, "ja/qa": 9},
        "ja/116": {"ja/mcq": 397, "ja/qa": 3},
        "en/112-115": {"en/mcq": 1591, "en/qa": 9},
        "en/116": {"en/mcq": 397, "en/qa": 3},
    },
    parallel_family="igakuqa",
)

_ID = re.compile(r"(\d{3})([A-F])(\d+)")

# The exam's rule for several answers; it agrees with the length of the key in all 2,000 problems.
_SEVERAL = re.compile(r"[2-9２-９]\s*つ\s*選べ")

# Exams 112 and 113 print the range ("40、41の問い"); the later ones do not, but keep its length.
_CASE = re.compile(r"^次の文を読み、.{1,12}?問いに答えよ。")
_SERIES_LENGTH = {"B": 2, "C": 3, "E": 2, "F": 3}
_ASKED = re.compile(r"[^。\n]*(?:どれか|どこか|何か)(?:。[^。]*。?)?$")

_SHEET = re.compile(r"解答：(?P<sheet>.*)$")
_ENGLISH_SHEET = re.compile(r"\s*Answer:.*$", re.DOTALL)
_BOX = re.compile("[①-⑨]")

_METADATA = {"problem_id": str, "category": str}
_PROBLEM = {
    "problem_id": str,
    "problem_text": str,
    "choices": list,
    "text_only": bool,
    "answer": list,
}
_TRANSLATION = {"problem_id": str, "problem_text_en": str, "choices_en": list}

_GoodRows = list[tuple[int, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Case:
    """What a problem continues: the problem that begins the series, and all told before it."""

    begins: str
    told: str


def parse(files: Mapping[str, list[Path]]) -> Iterator[Item | BadRow]:
    """Yield the Japanese problems, then their translations, one item a problem."""
    problems: dict[str, Item] = {}
    for split, given in files.items():
        topics = yield from _topics(_kind(given, "_metadata"))
        for path in _kind(given, ""):
            for item in (yield from _block(split, path, topics)):
                problems[item.key] = item
                yield item
    for split, given in files.items():
        for path in _kind(given, "_translate"):
            yield from _translations(split, path, problems)


def _kind(paths: list[Path], suffix: str) -> list[Path]:
    return [path for path in paths if path.name.partition(".")[0][5:] == suffix]


def _topics(paths: list[Path]) -> Generator[BadRow, None, dict[str, str]]:
    topics: dict[str, str] = {}
    for path in paths:
        for _, row in (yield from _good_rows(path, _METADATA, "ja")):
            topics[row["problem_id"]] = row["category"]
    return topics


def _good_rows(
    path: Path, fields: Mapping[str, type], language: str
) -> Generator[BadRow, None, _GoodRows]:
    """Yield the rows of a file that lack a field; return the others with their numbers."""
    good = []
    for number, row in read_jsonl(path):
        if isinstance(row, BadRow):
            yield replace(row, language=language)
        elif not all(_has(row, name, kind) for name, kind in fields.items()):
            yield _bad(path, number, "missing_field", row, language)
        elif not _ID.fullmatch(row["problem_id"]):
            yield _bad(path, number, "invalid_record", row, language)
        else:
            good.append((number, row))
    return good


def _has(row: Mapping[str, Any], name: str, kind: type) -> bool:
    value = row.get(name)
    if isinstance(value, list):
        return kind is list and all(isinstance(entry, str) for entry in value)
    return isinstance(value, kind)


def _bad(path: Path, number: int, reason: str, row: Mapping[str, Any], language: str) -> BadRow:
    return BadRow(str(path), number, reason, str(row)[:EXCERPT_CHARACTERS], language)


def _block(
    split: str, path: Path, topics: Mapping[str, str]
) -> Generator[BadRow, None, list[Item]]:
    rows = yield from _good_rows(path, _PROBLEM, "ja")
    cases = _cases({row["problem_id"]: row["problem_text"] for _, row in rows})
    items = []
    for number, row in rows:
        key = row["problem_id"]
        if not row["problem_text"].strip():
            yield _bad(path, number, "empty_question", row, "ja")
            continue
        item = _item(str(path), number, split, row, cases.get(key))
        items.append(replace(item, topic=topics.get(key, "")))
    return items


def _identify(problem_id: str) -> tuple[int, str, int]:
    """Return exam, block and number of a problem."""
    match = _ID.fullmatch(problem_id)
    assert match, problem_id
    return int(match[1]), match[2], int(match[3])


def _cases(texts: Mapping[str, str]) -> dict[str, _Case]:
    """Return the case of every problem that continues one, by its identifier."""
    cases = {}
    for begins, text in texts.items():
        if not _CASE.match(text):
            continue
        exam, block, number = _identify(begins)
        told = _told(_CASE.sub("", text))
        for later in range(number + 1, number + _SERIES_LENGTH.get(block, 1)):
            continued = f"{exam}{block}{later}"
            cases[continued] = _Case(begins, told)
            told = f"{told}\n{_told(texts.get(continued, ''))}".strip()
    return cases


def _told(text: str) -> str:
    """Return a problem's text without the question that it ends with."""
    return _ASKED.sub("", text).strip()


def _item(file: str, number: int, split: str, row: Mapping[str, Any], case: _Case | None) -> Item:
    key, text = row["problem_id"], row["problem_text"]
    question, answer = (text, "") if row["choices"] else _fill_sheet(text, "".join(row["answer"]))
    indices = _indices(row["answer"]) if row["choices"] else ()
    return Item(
        file=file,
        row=number,
        key=key,
        split=split,
        task="mcq" if row["choices"] else "qa",
        form="exam",
        language="ja",
        question=question,
        parallel_key=key,
        context=case.told if case else "",
        options=tuple(row["choices"]),
        answer_indices=indices,
        several_allowed=_SEVERAL.search(text) is not None,
        answer=answer,
        year=_identify(key)[0] + 1906,  # the 112th examination was held in 2018
        flags=_flags(row, case),
    )


def _flags(row: Mapping[str, Any], case: _Case | None) -> tuple[Flag, ...]:
    flags = []
    if not row["text_only"]:
        flags.append(Flag("image_dependent", "text_only: false"))
    if case:
        flags.append(Flag("linked_case", f"continues {case.begins}"))
    if row["choices"] and not _indices(row["answer"]):
        flags.append(Flag("ambiguous_key", ", ".join(row["answer"])))
    return tuple(flags)


def _indices(answer: list[str]) -> tuple[int, ...]:
    """Return the keyed options; none where a key offers alternatives ("a or d")."""
    if any(" or " in letter for letter in answer):
        return ()
    return tuple(letter_index(letter) for letter in answer)


def _fill_sheet(text: str, written: str) -> tuple[str, str]:
    """Return the question without its answer sheet, and the sheet with the digits in its boxes."""
    match = _SHEET.search(text)
    digits = re.sub(r"\D", "", written)
    if not match or len(_BOX.findall(match["sheet"])) != len(digits):
        return text, written
    remaining = iter(digits)
    filled = _BOX.sub(lambda _: next(remaining), match["sheet"])
    return text[: match.start()], filled.replace(", ", ",")  # one sheet reads "1, ①②③ kcal"


def _translations(split: str, path: Path, problems: Mapping[str, Item]) -> Iterator[Item | BadRow]:
    for number, row in (yield from _good_rows(path, _TRANSLATION, "en")):
        problem = problems.get(row["problem_id"])
        if problem is None:
            yield _bad(path, number, "invalid_record", row, "en")
        elif not row["problem_text_en"].strip():
            yield _bad(path, number, "empty_question", row, "en")
        else:
            yield replace(_translated(problem, row), file=str(path), row=number, split=split)


def _translated(problem: Item, row: Mapping[str, Any]) -> Item:
    """Return a problem with the text of its translation; the case before it has none."""
    text, number = row["problem_text_en"], re.match(r"[\d.,]+", problem.answer)
    return replace(
        problem,
        language="en",
        question=_ENGLISH_SHEET.sub("", text) if problem.task == "qa" else text,
        context="",
        options=tuple(row["choices_en"]),
        answer=number[0] if number else problem.answer,
        origin="translated",
    )
