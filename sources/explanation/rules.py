"""What each language's questions and explanations say about options: the data of `explanation`.

Drawn from reading CMExam (zh), MedMCQA (en) and CasiMedicos (es, fr, en); ja and ru follow the
wording of their exams. A pattern may refuse too much: an open item is cheap, a wrong one is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from re import Pattern

from schemas.item import Language

# One label or several: "A", "ABD", "A、B和D", "1 y 3", "a, b and d".
_JOIN = r"\s*(?:[,、，/&]|and|or|y|e|o|u|et|ou|и|или|和|与|及|或|と)\s*(?:la\s+|le\s+)?"
_LETTERS_UPPER = rf"[A-E](?:(?:{_JOIN})?[A-E])*"
# A digit that is the subject of a clause, or ends one: "1 n'est pas", "entre 3 et 4".
_BARE_DIGIT = (
    r"(?<![\d.,/:])(?<!type )(?<!grade )(?<!stage )(?<!class )(?<!phase )(?<!tipo )(?<!grado )"
    r"(?<!fase )(?<!stade )\b[1-5] (?:también |tampoco |aussi |also )?(?:n['’e]|es|est|is|son|sont|"
    r"are|sería|serait|no|ne|correct\w*|incorrect\w*|fals\w*|verdader\w*|fau(?:x|sse)|vrai\w*|"
    r"wrong|true|because|porque|parce)\b"
    r"|\b(?:entre|between)(?: the| la| les?)? [1-5] (?:et|y|and)(?: the| la| les?)? [1-5]\b"
    r"|[a-zà-ÿ)] [1-5][.,]?\s*(?:\n|$)"
    r"|\([1-5]\)|^\W*(?:un|deux|trois|quatre|cinq|uno|dos|tres|cuatro|cinco)\."
)
# A run of Latin letters, digits and signs is a word, unless it is labels in order: "ABD" is,
# "CEA" is not.
_WORD = "A-Za-z0-9α-ωΑ-Ω₀-₉⁰-⁹²³ⅠⅡⅢⅣⅤ+=\\-－–/·'′’.%℃₊₋⁺⁻"
_LATIN_WORD = rf"(?<![{_WORD}])(?!A?B?C?D?E?(?![{_WORD}]))[{_WORD}]{{2,}}"
_LETTER_ANY = rf"[A-Ea-e](?:{_JOIN}[A-Ea-e])*(?![A-Za-z0-9])"
_DIGITS = rf"[1-5](?:{_JOIN}[1-5])*(?![0-9]|[.,][0-9])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The patterns of one language."""

    dependent: Pattern[str]  # a question that does not stand alone, or asks for the exception
    complete: Pattern[str]  # what a question that stands alone has
    key_note: Pattern[str]  # says only which label is the key: removed, if it names our key
    cut: Pattern[str]  # talk about the exam, page references, editor's boilerplate: removed
    innocent: Pattern[str]  # letters that are no labels
    reference: Pattern[str]  # a named option; group `labels`
    leftover: Pattern[str]  # what may not remain
    quotes: tuple[str, str]
    minimum: int  # characters an explanation needs to explain anything


OPTION_ABOUT_OPTIONS = re.compile(
    r"\b(?:all|none|any|both|neither|either)\b.{0,12}\b(?:above|these|them|following)\b"
    r"|^(?:all|none|both|neither|any)\W*$|\b(?:both|either|neither)\b.{0,10}\b[a-e1-5]\b"
    r"|\b[a-d1-4]\W*(?:&|and|\+|or)\W*[a-e1-5]\b|\ball of\b|\bnone of\b"
    r"|以上|上述|均是|均可|都是|都不|全部|A\+B|[A-E]、[A-E]|[A-E]和[A-E]"
    r"|\b(?:todas?|ningun[ao]s?|ambas|cualquiera)\b.{0,25}\b(?:anterior|respuesta|opci|correcta)"
    r"|\b[1-5] (?:y|e|et|и) [1-5]\b|\b(?:toutes|aucune)\b.{0,20}(?:réponse|proposition|ci-dessus)"
    r"|\b(?:вс[её]|ничего из|ни один|оба)\b.{0,20}(?:перечислен|вышеперечислен|вариант|ответ)"
    r"|上記|すべて|いずれも|^\d+:\d\d:00$",
    re.IGNORECASE,
)


def _compile(*alternatives: str, flags: int = re.IGNORECASE) -> Pattern[str]:
    return re.compile("|".join(f"(?:{alternative})" for alternative in alternatives), flags)


_ZH = Rules(
    dependent=_compile(
        r"下列|下面|下述|以下|以上|上述|如下|哪[一二三两]?[项个些条组句]|哪种(?:说法|情况)|何项",
        r"除外|除了|除[^。，]*[外哪]|例外|不妥|有误|错误|正确|说法|叙述|描述|表述|论述|陈述",
        r"(?:不|非|无|未|没)[^。，；]{0,12}$|不(?:正确|包括|属于|是|宜|应|符合|能|会|需|可能|得|具有)",
        r"最不|不恰当|无关|无效|禁[忌用止]|忌用|慎用|除[^，。]*以外|相反|排除|否定",
        r"^.{0,14}(?:该|此|本|这)(?:例|患|病|男|女|孕|产|婴|儿|妇|药|医|企|类|种|项|题|化|证|方)",
        r"(?:属于|关于|有关|符合|对于|可见|可用|含有|具有|可以|常用)[^。，]*的(?:是|有)\W*$",
        r"本题|选项|备选|图|共用|(?:有|包括|包含)\W*$|_{2,}|^\d",
        r"^.{0,8}的是\W*$|^(?:应|其|最|首选|首先|可能|较|目前|对[此其])[^，。]{0,14}$",
        flags=0,
    ),
    # A stem such as "小肠" is no question; one ending in "的是" is one only if it asks for a first.
    complete=_compile(
        r"(?:最|首选|首先|主要|唯一|典型|特征|标志|金标准|确诊|首要|根本|称)[^。]*的是\W*$",
        r"(?<!的)(?:是|为|在|于|指|称|选|用|给予|考虑|属|自|由|至|达|宜|应|何|谁|多少|吗)\W*$",
        r"(?:什么|何种|哪种|哪里|几|多少|多长|多大|为何|如何|怎样)[^。]*[?？]?$",
        flags=0,
    ),
    key_note=_compile(
        r"[，,；;。]?\s*(?:综上(?:所述)?|故|所以|因此|因而)?[，,]?\s*(?:本题|该题|此题)?的?(?:正确|最佳)?"
        r"(?:答案|选项)?(?:应该?|当)?(?:选择?|答案[为是])[：:为是]?\s*"
        rf"(?P<labels>{_LETTERS_UPPER})项?(?=[。；;，,]|$)",
        flags=0,
    ),
    cut=_compile(
        r"^(?:本|该|此)题(?:主要)?(?:是)?考[查察点](?:的是)?[^。；;]*[。；;]",
        r"(?:本|该|此)?题中?(?=患[者儿]|病人)|(?:根据|由|结合)(?:本)?题[干目意]?(?:中的?信息|可知|所述)?[，,]",
        r"(?:掌握|熟悉|了解)[“\"”][^”\"“]*[”\"“]?(?:的?相关)?(?:知识点|知识|内容)?[。.]?\s*$",
        r"[（(]\s*P\s*\d+(?:[-～、，,]\s*P?\d+)*\s*[)）]",
        flags=0,
    ),
    innocent=_compile(
        r"(?:维生素|维他命|[Vv]it|VIT)\s*[A-E]+[₀-₉0-9]*(?:[、和与及,，]\s*[A-E][₀-₉0-9]*(?![A-Z对错项]))*",
        r"(?:内酯|皂苷|毒素|霉素|孢素|孢菌素|辅酶|抑素|凝集素|因子|甙|苷|酮|碱|素|肽|胰岛)[A-E](?![对错、])",
        r"[A-E](?:超|型|肽|环|带|链|反应|细胞|淋巴|族|组(?!均|都)|类|级|群|线|波|段|抗原|蛋白|受体|药)",
        r"dB[（(]A[)）]|Rh[（(]D[)）]",
        _LATIN_WORD,
        flags=0,
    ),
    reference=_compile(
        rf"(?:(?:选项|答案)\s*)(?P<labels>{_LETTERS_UPPER})项?",
        flags=0,
    ),
    leftover=_compile(
        r"[A-EＡ-Ｅ]",
        r"选项|备选|题干|本题|该题|此题|题目|题中|原题|试题|答案|考[生点查试]|教材|课本|第[\d一二三四五六七八九十]+版|[五六七八九十]版|学P\d|"
        r"[（(]P\s*\d|见图|如图",
        r"以上(?:各|均|都|答|选|所有|四|五|三|两|几|全|内容)|[各四五]项|其[他余](?:均|都|各|几|选|答|三|四)",
        r"上述(?:各|均|都|几|选)|排除[法A-E]|故排除|\\n|\?|�",
        flags=0,
    ),
    quotes=("“", "”"),
    minimum=20,
)

# MedMCQA as published lost "rt" in most words that had it ("hea failure", "impoant", "veebra"),
# found by putting "rt" back and looking the word up in MedQuAD; nobody should learn such words.
_LOST_RT = (
    r"\b(?:aer(?:y|ies|ial|iol\w+|itis|iosus)|hea|heas|heaburn|bihs?|\w*bih|impoan\w+|"
    r"\w*hype(?:ens|on|hy|herm)\w+|hyperoph\w+|hyperigly\w+|sta|staed|stas|staing|sho|shoe\w+|"
    r"sholy|shoness|moality|inse(?:s|ed|ing|ion\w*)?|\w*ahr(?:it|al|op|os)\w*|pub(?:ey|eal)|"
    r"\w*feil(?:e|ity|iz\w+)|fuher|\w*ceain\w*|ceifi\w+|ao(?:ic|a)|\w*veeb\w+|veical|veigo|veex|"
    r"supp(?:o|os|oed|oing|oive)|transpo(?:s|ed|er|ers|ing)?|expo|expoed|\w*coi(?:cal|co\w+|so\w+)|"
    r"coex|aboi\w+|aboed|\w*cailag\w+|paic\w+|paial\w*|paly|paners?|paition\w*|\w+paum|"
    r"\w*propoion\w*|"
    r"conve(?:s|ed|ing)?|inveed|eveed|repo(?:s|ed|ing)?|apa|\w*aicula\w*|aicles?|aific\w+|poal|"
    r"poions?|"
    r"poable|\w*comfo|\w*comfoable|efforless|effo|cohos?|expes?|propey|propeies|depaments?|"
    r"compaments?|viual\w*|\w*quailes?|u[ie]caria|uicaria\w*|telmisaan|losaan|valsaan|\w+saan|"
    r"aspa(?:ate|ic)|diveicul\w+|disto(?:ed|ion)|exe(?:s|ed|ion\w*)|adveis\w+|teiary|peussis|"
    r"seraline|baonella|undeake\w*|noheast\w*|oppounit\w+|\w*foun?ately|ohop\w+|ohostat\w+|quaers?|"
    r"fouh|fouhs|chlohalid\w+|aemether|ferropoin)\b"
)
_EN_SAID = (
    r"\b(?:(?:so|hence|thus|therefore),? )?the (?:correct |right )?answer (?:is|would be|will be)"
)
_EN = Rules(
    dependent=_compile(
        r"\bfollowing\b|\bexcept(?:ing)?\b|\bnot\b|n't\b|\bno\b|\bfalse\b|\btrue\b|\bun(?:true|"
        r"likely)\b",
        r"\bincorrect\b|\bcorrect(?:ly)?\b(?! diagnos)|\bwrong\b|\bleast\b|\bexclud\w+|\bnever\b",
        r"\b(?:of|among) (?:these|the (?:above|given))\b|\bbelow\b|\babove\b|\bgiven\b(?! (?:to|"
        r"by|for|in)\b)",
        r"\b(?:shown|marked|depicted|image|figure|photograph|picture|graph|diagram|arrow|"
        r"identify)\b",
        r"\b(?:options?|choose|statements?|match|assertion|column|a/e|all (?:are|is|of|the))\b|"
        r"_{2,}",
        r"\bwhich (?:one|among|of)\b|\bone of\b|\bcontraindicated\b|\ball\b.{0,30}\bbut\b|"
        r"\btests? mentioned",
        r"\b(?:seen in|features? of|causes? of|characteri[sz]ed by|found in|includes?|are|"
        r"with)\W*$",
        r"\b(?:x-?ray|ct|mri|ecg|ekg|scan|slide|specimen|instrument) (?:is )?(?:given|shown|below)",
        r"\b(?:ecg|ekg|x-?ray|ct|mri|usg|smear|slide)\b.{0,12} (?:was|is) (?:done|taken|as)\b",
        r"(?-i:[a-z]{3}[A-Z][a-z]{2})|^[.,;:)\-]|[a-z][!?][a-z]",
        _LOST_RT,
    ),
    complete=_compile(
        r"\b(?:what|when|where|why|how|who|whose|which)\b[^?]*\?",
        r"\b(?:most|best|first|earliest|commonest|largest|smallest|longest|shortest|highest|"
        r"lowest|main|"
        r"primary|chief|major|choice|gold standard|definitive|ideal)\b",
        r"\b(?:is|by|of|from|to|at|as|for|a|an|the|called)\W*$",
    ),
    key_note=_compile(
        r"^\W*(?:the )?(?:correct )?(?:ans(?:wer)?)\b(?: is)?[\s.:\-–=]*[\"'“‘(\[]*"
        r"(?P<labels>[A-Ea-e])(?![A-Za-z])[\"'”’)\]]*[\s.:,\-–)]*(?:i\.\s?e\.?[,.]?)?\s*"
        r"|(?:^|(?<=[.\n]))\s*" + _EN_SAID + r"(?: (?:option|number))?:?\s*"
        r"\(?(?P<said>[A-E1-5])\)?(?P<tail>\s*\([^()]{2,200}\))?\s*(?:[.…]|(?=\n|$))",
    ),
    cut=_compile(
        r"[(\[]\s*(?:ref|reference|source)s?\b[^()\[\]]*(?:\([^()]*\)[^()\[\]]*)*[)\]]\.?",
        r"(?:^|[\n.)])\s*(?:ref|references?)\s*[:.\-–][^\n]{0,200}\s*$",
        r"\bin this question,? *",
        r"^(?:(?:a |an )?(?:very |pretty )?(?:easy|difficult|"
        r"simple)(?: question)?[^.?!\n]{0,20}[.?!]\s*)",
    ),
    innocent=_compile(
        r"\b(?i:hepatitis|vitamins?|vit\.?|groups?|types?|class|grades?|stages?|factors?|proteins?|"
        r"influenza|inhibin|activin|apo\w*|coenzyme|toxin|ha?emophilia|ha?emoglobin|cyclospor\w+|"
        r"amphotericin|child|stanford|dukes?|points?|zones?|segments?|lines?|waves?|personality|"
        r"cluster|category|lamina|schedule|antigens?|streptococc\w+|killer|mitomycin|polymyxin|"
        r"penicillin|phase|variant|subunit|chains?|immunoglobulin|virus|serotype|serogroup|"
        r"kinase|retinol)[\s\-]+[A-E]\b(?:(?:,| and| or|/|&)\s*[A-E]\b)*",
        r"\b[A-E][\s\-](?i:cells?|lymphocytes?|fib(?:er|re)s?|bands?|lines?|waves?|scan|disc|"
        r"chains?|"
        r"virus|complex|section|antigens?|peptide|reactive|type|blood|toxin|zones?|gene)\b",
        r"\b[A-E]\. ?[a-z]{3,}\b(?<!\band)|\bA(?= [a-z])",
        r"[αβγδ\-]\s?[A-E]\b|\b[A-E][\-=+/]|\b(?!and\b|"
        r"or\b)[A-Za-z0-9]*[A-Za-z][0-9][A-Za-z0-9]*\b",
        flags=0,
    ),
    reference=_compile(
        rf"\b(?:the )?(?:options?|choices?|answers?)[\s:\-]*(?:numbers? |no\.? )?[\"'“‘(\[]*"
        rf"(?P<labels>{_LETTER_ANY}|"
        rf"{_DIGITS})[\"'”’)\]]*(?P<gloss>:? *[(\"“][^()\"“”]{{2,120}}[)\"”])?",
    ),
    leftover=_compile(
        r"(?-i:\bpas?\b)|(?:^|\s)[a-e]\.\s",
        _BARE_DIGIT,
        r"(?-i:(?<![\w.])[A-E](?![\w'’]))|[(\[]\s*[a-e1-5]\s*[)\]]|\b[a-e]\)|\bboth \w and \w\b",
        r"\boptions?\b(?! (?:for|of|in the (?:treatment|management)))|\bchoices\b|"
        r"\ball of (?:the )?(?:above|these)",
        r"\bnone of (?:the )?(?:above|these)\b|\bexcept\b.{0,3}$|\bmnemonic|\b(?:is|are|be|to|"
        r"answer) [1-5](?=[.,;:]| \(|$| and)",
        r"\b(?:first|second|third|fourth|fifth|last|other|others|remaining|rest|two|three|four)"
        r"(?: of the)?(?: possible| given)? (?:answers?|choices?|statements?|ones?|"
        r"possibilities)\b",
        r"\b(?:questions?|exams?|asked|answers?|ans|ref|references?|explanation|doubts?|"
        r"wording)\b|\bpage no|\bpg\b",
        r"\bp(?:age|p)?\.? ?\d{2,}|\d/e\b|\b(?:edition|edn?|chapter|textbook)\b|\bet al\b",
        r"\b(?:harrison|robbins|bailey|schwar?tz|nelson|gray'?s|tripathi|sabiston|katzung|"
        r"guyton)\b",
        r"\bimage\b|\bfigure\b|\bpicture\b|\btable (?:below|above|\d)|https?:|www\.|\?{2}|�|"
        r"<[a-z/]|\s\|\s|={2,}",
        r"(?s:\A(?!.*\b(?:is|are|was|were|be|has|have|had|can|may|should|will|does|do|occurs?|"
        r"causes?)\b))",
        r"\b(?:we|you) (?:are|were|should be) (?:given|told)|\banother one\b|\bcorrect one\b|"
        r"\bfor me\b|\bthe given\b|"
        r"[a-z][!][a-z]",
        r"\b(?:let'?s|let us|i (?:think|would|believe|had|have|am|usually|do)|guys|tricky|"
        r"they (?:are )?(?:ask|tell|giv|say|describ|show)\w*)\b",
        r"(?-i:[a-z]{3}[A-Z][a-z]{2})|(?-i:\b[a-z]{3,}[.:;][A-Z])|(?-i:[a-z]\)[A-Z])|"
        r"[a-z]{3},[a-z]{3}|[a-z]{24,}",
        _LOST_RT,
    ),
    quotes=("“", "”"),
    minimum=80,
)

_ES_OPTION = r"(?:opci[oó]n(?:es)?|respuestas?|alternativas?)"
_ES = Rules(
    dependent=_compile(
        r"siguientes?\b|a continuaci[oó]n|se mencionan|\bestas? (?:opci|respuest|afirmac|"
        r"enfermedades)",
        r"se[ñn]al[ea]|indique (?:la|cu[aá]l)|elija|escoja|opci[oó]n|respuesta (?:correct|"
        r"verdader|fals)",
        r"\b(?:correct[ao]|incorrect[ao]|fals[ao]|ciert[ao]|verdader[ao]|err[oó]ne[ao])s?\b|"
        r"excepto|salvo",
        r"\bno\b[^.¿]{0,120}\?|\bno\b[^.?]{0,60}[:.]?\s*$|\bmenos\b|imagen|figura|"
        r"radiograf[ií]a (?:adjunta|mostrada)",
        r"entre (?:ell[ao]s|est[ao]s|las? que|los que)|anteriores|mencionad[ao]s|de estos\b|"
        r"propuest|"
        r"pregunta anterior|_{2,}",
    ),
    complete=_compile(r"¿[^?]*\?\W*$|\b(?:es|ser[ií]a|ser[aá]|son|consiste en|con)\s*:?\W*$"),
    key_note=_compile(
        r"(?:^|(?<=[.\n]))\s*(?:por (?:lo )?tanto,? |as[ií] que )?(?:la )?(?:respuesta|opci[oó]n)"
        r"(?: correcta)? (?:correcta )?(?:es|ser[ií]a|ser[aá])(?: la)?(?: (?:respuesta|opci[oó]n))?"
        r"(?: n[uú]mero)?:?\s*(?P<labels>[1-5])(?P<tail>\s*\([^()]{2,200}\))?\s*(?:[.…]+|(?=\n|$))"
        r"|(?:^|(?<=[.\n]))\s*respuesta(?: correcta)?:?\s*(?P<said>[1-5])\s*(?:[.:…]|(?=\n|$))",
    ),
    cut=_compile(
        r"\b(?:en )?esta pregunta,? (?=en|la|el|un)",
        r"^(?:pregunta )?(?:muy |bastante )?(?:f[aá]cil|dif[ií]cil|sencilla)[^.?!\n]{0,20}[.?!]\s*",
    ),
    innocent=_compile(r"(?!)"),
    reference=_compile(
        rf"\b(?:las? )?{_ES_OPTION}\s*(?:correctas? )?(?:n[uú]mero |"
        rf"n[ºo°]\.? ?)?(?P<labels>{_DIGITS})"
        r"(?P<gloss>,? ?[(«\"“][^()«»\"“”]{2,120}[)»\"”])?",
        rf"\blas? (?P<bare>{_DIGITS})(?! ?(?:[ªº°%]|h\b|horas?|semanas?|d[ií]as|mes|años|"
        rf"de la (?:mañana|tarde)))",
    ),
    leftover=_compile(
        _BARE_DIGIT,
        rf"\b{_ES_OPTION}\s*(?:correct|incorrect|fals|v[aá]lid|posible|m[aá]s|[a-e]\b|\d)|"
        rf"\bopci[oó]n(?:es)?"
        r"\b(?! (?:terap|de tratamiento|quir))|\blas? [1-5]\b|\b(?:el|del|al|en) [1-5]\b(?! (?:%|"
        r"por))",
        r"\b(?:primera|segunda|tercera|cuarta|quinta|última|otras?|demás|resto|dos|tres|cuatro)"
        r"(?: de(?: las)?)? (?:opci|respuest|alternativ|posibilidad)|\bla(?:s)? (?:otras?|demás|"
        r"restantes)\b",
        r"pregunta|enunciado|examen (?:MIR|tipo)|\bMIR\b|anulad|impugn|"
        r"(?<!\w)[1-5] ?[.\-)](?= ?[A-Za-zÁÉÍÓÚ¿])",
        r"\b(?:(?:nos|me) (?:dan|dicen|cuentan|hablan|ponen|plantean|describen|presentan|"
        r"preguntan)|creo|opino|dudas?|manual)\b",
        r"asignad|respondo|bien dices|nos (?:est[aá]n|lo)\b|propuest|mala leche|hacernos|dudar|"
        r"comentario:|anteriores\b|descart(?:ar|amos|ando) las",
        r"https?:|www\.",
    ),
    quotes=("«", "»"),
    minimum=80,
)

_FR_OPTION = r"(?:options?|r[ée]ponses?|propositions?|choix)"
_FR = Rules(
    dependent=_compile(
        r"suivant(?:e|es|s)?\b|ci-(?:dessous|dessus|après)|parmi|lesquel|propositions?\b|énonc|"
        r"affirmation",
        r"\b(?:in)?(?:correct|exact)(?:e|es|s)?\b|\bfau(?:x|sse)|\bvrai|sauf|excepté|\bréponse|"
        r"\boption",
        r"\b(?:ne|n['’])\W?[^?]{0,80}\b(?:pas|jamais|aucun|plus)\b|\bmoins\b|image|figure|cochez|"
        r"indiquez|_{2,}",
        r"(?:entre|de|un|une) (?:ces|ceux|celles)\b|mentionné|proposé|question précédente",
    ),
    complete=_compile(r"[^?]*\?\W*$|\b(?:est|serait|sera|sont)\s*:?\W*$"),
    key_note=_compile(
        r"(?:^|(?<=[.\n]))\s*(?:donc,? )?la (?:bonne |meilleure )?(?:r[ée]ponse|"
        r"option)(?: correcte)?"
        r" (?:est|serait|sera)(?: donc)?(?: (?:la|le))?(?: (?:r[ée]ponse|option|"
        r"num[ée]ro))*\s*:?\s*"
        r"(?P<labels>[1-5])(?P<tail>\s*\([^()]{2,200}\))?\s*(?:[.…]+|(?=\n|$))"
        r"|(?:^|(?<=[.\n]))\s*r[ée]ponse(?: correcte)?\s*:?\s*(?P<said>[1-5])\s*(?:[.:…]|(?=\n|$))",
    ),
    cut=_compile(
        r"\bdans cette question,? *",
        r"^(?:question )?(?:très |assez )?(?:facile|difficile|simple)[^.?!\n]{0,20}[.?!]\s*",
    ),
    innocent=_compile(r"(?!)"),
    reference=_compile(
        rf"\b(?:l['’]|la |les |le )?{_FR_OPTION}\s*(?:num[ée]ros? |"
        rf"n[°º]\.? ?)?(?P<labels>{_DIGITS})"
        r"(?P<gloss>,? ?[(«\"“][^()«»\"“”]{2,120}[)»\"”])?",
    ),
    leftover=_compile(
        _BARE_DIGIT,
        rf"\b{_FR_OPTION}\s*(?:correct|incorrect|fauss|possible|[a-e]\b|\d)|"
        rf"\boptions?\b(?! (?:th[ée]rap|de traitement))",
        r"\b(?:bonne|meilleure|autres?|premi[eè]re|deuxi[eè]me|troisi[eè]me|derni[eè]re|dernier|"
        r"premier|deux|trois|quatre)"
        r"s? (?:r[ée]ponse|option|proposition|choix|possibilit)|\b(?:la|le|les|est|num[ée]ro|par|"
        r"nous) [1-5](?=[ .,;:)]|$)(?! ?(?:%|mois|ans|jours|semaines|fois|heures))",
        r"question|énoncé|examen (?:MIR|type)|\bMIR\b|annul[ée]|"
        r"(?<!\w)[1-5] ?[.\-)](?= ?[A-Za-zÉÈÀ])",
        r"\b(?:on (?:nous|me)|ils (?:nous )?(?:donnent|disent|parlent|décrivent|présentent|"
        r"demandent)|je|doutes?|manual)\b",
        r"déclaration|attribué|assigné|nous (?:a-t-)?(?:présente|décri)|propos[ée]|faire croire|"
        r"nous est présenté|hésit|ci-dessus|précédentes\b|https?:|www\.",
    ),
    quotes=("« ", " »"),
    minimum=80,
)

_JA = Rules(
    dependent=_compile(
        r"次の|以下|下記|どれか|いずれ|選べ|誤って|正しい|適切でない|でないの|ではない|しない|できない|ないのは|"
        r"図|写真|別冊|画像|組合せ|組み合わせ|記述|選択肢|前問|この患者",
        flags=0,
    ),
    complete=_compile(r"(?:か|何|は|？|\?)[。？?]?\s*$", flags=0),
    key_note=_compile(
        r"(?:したがって|よって|以上より)?[、，]?(?:正解|正答|答え|解答)は[「（(]?(?P<labels>[A-Ea-e1-5])[」）)]?"
        r"(?:である|です|となる)?(?:。|$)",
        flags=0,
    ),
    cut=_compile(r"^本問は[^。]*。", flags=0),
    innocent=_compile(
        r"ビタミン\s?[A-E][0-9₀-₉]*|[A-E](?:型|細胞|群|鎖|反応|ペプチド|線維|帯|波)|[A-E](?=[\-－–])",
        _LATIN_WORD,
        flags=0,
    ),
    reference=_compile(
        rf"(?:選択肢|肢)\s*[「（(]?(?P<labels>{_LETTER_ANY}|{_DIGITS})[」）)]?",
        flags=0,
    ),
    leftover=_compile(
        r"(?<![A-Za-z0-9])[A-Ea-eＡ-Ｅａ-ｅ](?![A-Za-z0-9])|選択肢|正解|正答|設問|本問|問題文|上記|他の肢|図|写真",
        r"(?:すべて|全て)(?:正しい|誤り)|[①-⑤]",
        flags=0,
    ),
    quotes=("「", "」"),
    minimum=20,
)

_RU_OPTION = r"(?:вариант\w*(?: ответа)?|ответ\w*|пункт\w*)"
_RU = Rules(
    dependent=_compile(
        r"следующ\w+|нижеперечисл\w+|перечисл\w+|ниже\b|указанн\w+|приведённ\w+|приведенн\w+|"
        r"предложенн\w+",
        r"кроме|исключени\w+|неверн\w+|\bверн\w+|правильн\w+|ошибочн\w+|утверждени\w+|\bне\b|"
        r"наименее|из них",
        r"рисунк\w+|на (?:фото|снимке|изображении)|выберите|вариант\w*|_{2,}",
    ),
    complete=_compile(r"\?\W*$|(?:является|называется|составляет|—|-|:|это|в|для|с)\s*:?\s*$"),
    key_note=_compile(
        r"(?:^|(?<=[.\n]))\s*(?:итак, |следовательно, )?(?:правильный|верный) (?:ответ|"
        r"вариант)\s*[—:\-–]?\s*"
        r"(?:номер )?(?P<labels>[1-5A-Ea-e])\s*(?:\.|(?=\n|$))",
    ),
    cut=_compile(r"\bв этом вопросе,? *"),
    innocent=_compile(
        r"\b(?:витамин\w*|гепатит\w*|тип\w*|групп\w*|вирус\w*|класс\w*)\s+[A-E]\b",
        _LATIN_WORD,
    ),
    reference=_compile(rf"\b{_RU_OPTION}\s*(?:№ ?|номер )?(?P<labels>{_DIGITS})"),
    leftover=_compile(
        rf"\b{_RU_OPTION}\s*(?:[A-EА-Да-д]\b|\d|верн|правильн|неверн)|вариант\w*|(?<!\w)[A-EА-Д]\)",
        r"(?-i:(?<![\w.])[A-EБГД](?![\w.]))|(?:остальны|други|перв|втор|трет|"
        r"последн)\w+ (?:ответ|вариант|пункт)\w*",
        r"вопрос\w*|экзамен\w*|(?:вс[её]|ничего из) (?:выше)?перечисленн\w+|"
        r"(?<!\w)[1-5][.)](?= ?[А-ЯЁа-яё])",
    ),
    quotes=("«", "»"),
    minimum=80,
)

RULES: dict[Language, Rules] = {
    "zh": _ZH,
    "en": _EN,
    "es": _ES,
    "fr": _FR,
    "ja": _JA,
    "ru": _RU,
}
