"""Clinical sentences written for these tests in the six languages, in each as it is said there.

Their clauses stand in different orders, negations in different words, and units in other places.
"""

from __future__ import annotations

from schemas.item import Language

SEPSIS: dict[Language, str] = {
    "en": "CRP fell from 140 to 22 mg/L on day 6, and lactate from 4.2 to 1.3 mmol/L.",
    "zh": "第6天CRP由140降至22 mg/L，乳酸由4.2降至1.3 mmol/L。",
    "ja": "6日目にCRPは140から22 mg/Lに、乳酸は4.2から1.3 mmol/Lに低下した。",
    "fr": "Au 6e jour, la CRP est passée de 140 à 22 mg/L et le lactate de 4,2 à 1,3 mmol/L.",
    "ru": "На 6-й день СРБ снизился со 140 до 22 мг/л, а лактат — с 4,2 до 1,3 ммоль/л.",
    "es": "El día 6 la PCR había bajado de 140 a 22 mg/L y el lactato de 4,2 a 1,3 mmol/L.",
}
DIMER: dict[Language, str] = {
    "en": "The D-dimer rose from 0.5 to 3.1 mg/L within an hour.",
    "zh": "D-二聚体在一小时内由0.5升至3.1 mg/L。",
    "ja": "Dダイマーは1時間以内に0.5から3.1 mg/Lへ上昇した。",
    "fr": "En une heure, les D-dimères sont passés de 0,5 à 3,1 mg/L.",
    "ru": "В течение часа уровень D-димера вырос с 0,5 до 3,1 мг/л.",
    "es": "En una hora el dímero D subió de 0,5 a 3,1 mg/L.",
}
NEWBORN: dict[Language, str] = {
    "en": "The newborn weighs 3200 g and measures 50 cm; the Apgar scores were 7 and 9.",
    "zh": "新生儿体重3200 g，身长50 cm，Apgar评分为7分和9分。",
    "ja": "新生児の体重は3200 g、身長は50 cmで、アプガースコアは7点と9点であった。",
    "fr": "Le nouveau-né pèse 3200 g et mesure 50 cm ; les scores d'Apgar étaient de 7 et 9.",
    "ru": "Масса новорождённого 3200 г, рост 50 см, оценка по шкале Апгар 7 и 9 баллов.",
    "es": "El recién nacido pesa 3200 g y mide 50 cm; el Apgar fue de 7 y 9.",
}
SCREENING: dict[Language, str] = {
    "en": "Screening is offered every 3 years to women aged 25 to 64 years.",
    "zh": "25至64岁的女性每3年接受一次筛查。",
    "ja": "25～64歳の女性に3年ごとの検診が勧められる。",
    "fr": "Un dépistage est proposé tous les 3 ans aux femmes de 25 à 64 ans.",
    "ru": "Женщинам от 25 до 64 лет скрининг предлагают каждые 3 года.",
    "es": "Se ofrece un cribado cada 3 años a las mujeres de 25 a 64 años.",
}
MORTALITY: dict[Language, str] = {
    "en": "Infant mortality fell from 9.4 to 6.8 per 1,000 live births.",
    "zh": "婴儿死亡率由每1000例活产9.4例降至6.8例。",
    "ja": "乳児死亡率は出生1,000人あたり9.4人から6.8人に低下した。",
    "fr": "La mortalité infantile est passée de 9,4 à 6,8 pour 1 000 naissances vivantes.",
    "ru": "Младенческая смертность снизилась с 9,4 до 6,8 на 1000 живорождённых.",
    "es": "La mortalidad infantil bajó de 9,4 a 6,8 por cada 1000 nacidos vivos.",
}
PLATELETS: dict[Language, str] = {
    "en": "Platelets dropped from 210 × 10⁹/L to 70 × 10⁹/L on day 7 of heparin.",
    "zh": "使用肝素第7天，血小板由210×10⁹/L降至70×10⁹/L。",
    "ja": "ヘパリン投与7日目に血小板数は210×10⁹/Lから70×10⁹/Lに減少した。",
    "fr": "Au 7e jour d'héparine, les plaquettes sont passées de 210 × 10⁹/L à 70 × 10⁹/L.",
    "ru": "На 7-й день терапии гепарином число тромбоцитов упало с 210 × 10⁹/л до 70 × 10⁹/л.",
    "es": "El día 7 de heparina las plaquetas habían caído de 210 × 10⁹/L a 70 × 10⁹/L.",
}
NIGHT: dict[Language, str] = {
    "en": "At 7:45 p.m. he took 2 tablets, and at 4 a.m. another one.",
    "zh": "他19时45分服了2片，凌晨4时又服了一片。",
    "ja": "午後7時45分に2錠、午前4時にさらに1錠を服用した。",
    "fr": "Il a pris 2 comprimés à 19 h 45, puis un autre à 4 h du matin.",
    "ru": "В 19:45 он принял 2 таблетки, а в 4 часа утра ещё одну.",
    "es": "A las 19:45 tomó 2 comprimidos y a las 4 de la mañana otro más.",
}
ONCE: dict[Language, str] = {
    "en": "Take 20 mg once daily for 8 months.",
    "zh": "每日一次，每次20 mg，服用8个月。",
    "ja": "1日1回20 mgを8か月間服用する。",
    "fr": "Prendre 20 mg une fois par jour pendant 8 mois.",
    "ru": "Принимать по 20 мг один раз в день в течение 8 месяцев.",
    "es": "Tomar 20 mg una vez al día durante 8 meses.",
}
DENIES: dict[Language, str] = {
    "en": "The patient denies chest pain and reports shortness of breath.",
    "zh": "患者否认胸痛，诉气短。",
    "ja": "患者は胸痛を否定し、息切れを訴えている。",
    "fr": "Le patient nie toute douleur thoracique et signale un essoufflement.",
    "ru": "Пациент отрицает боль в груди и жалуется на одышку.",
    "es": "El paciente niega dolor torácico y refiere falta de aire.",
}
RULE_OUT: dict[Language, str] = {
    "en": "A normal ECG cannot rule out myocardial ischemia.",
    "zh": "心电图正常不能排除心肌缺血。",
    "ja": "心電図が正常でも心筋虚血は除外できない。",
    "fr": "Un ECG normal ne permet pas d'exclure une ischémie myocardique.",
    "ru": "Нормальная ЭКГ не позволяет исключить ишемию миокарда.",
    "es": "Un ECG normal no permite descartar una isquemia miocárdica.",
}
AVOID: dict[Language, str] = {
    "en": "Patients taking this drug should avoid alcohol.",
    "zh": "服用该药的患者应避免饮酒。",
    "ja": "この薬を服用している患者は飲酒を避けるべきである。",
    "fr": "Les patients qui prennent ce médicament doivent éviter l'alcool.",
    "ru": "Пациентам, принимающим это лекарство, следует избегать алкоголя.",
    "es": "Los pacientes que toman este fármaco deben evitar el alcohol.",
}
UNLIKELY: dict[Language, str] = {
    "en": "A relapse is unlikely after complete resection.",
    "zh": "完全切除后不太可能复发。",
    "ja": "完全切除後の再発の可能性は低い。",
    "fr": "Une récidive est peu probable après résection complète.",
    "ru": "После полной резекции рецидив маловероятен.",
    "es": "Una recidiva es poco probable tras la resección completa.",
}
ABSENT: dict[Language, str] = {
    "en": "Ankle reflexes were absent on both sides.",
    "zh": "双侧踝反射消失。",
    "ja": "両側のアキレス腱反射は消失していた。",
    "fr": "Les réflexes achilléens étaient absents des deux côtés.",
    "ru": "Ахилловы рефлексы отсутствовали с обеих сторон.",
    "es": "Los reflejos aquíleos estaban ausentes en ambos lados.",
}
NEEDLESS: dict[Language, str] = {
    "en": "Surgery is not required.",
    "zh": "无需手术。",
    "ja": "手術は不要である。",
    "fr": "Une opération n'est pas nécessaire.",
    "ru": "Операция не требуется.",
    "es": "No es necesaria la cirugía.",
}
FREEZE: dict[Language, str] = {
    "en": "The vaccine must not be frozen.",
    "zh": "疫苗不得冷冻。",
    "ja": "ワクチンは凍結させてはならない。",
    "fr": "Le vaccin ne doit pas être congelé.",
    "ru": "Вакцину нельзя замораживать.",
    "es": "La vacuna no debe congelarse.",
}
MUST: dict[Language, str] = {
    "en": "The dressing must be changed every day.",
    "zh": "敷料必须每天更换。",
    "ja": "包帯は毎日交換しなければならない。",
    "fr": "Le pansement doit être changé tous les jours.",
    "ru": "Повязку необходимо менять каждый день.",
    "es": "El apósito debe cambiarse todos los días.",
}
NEVER: dict[Language, str] = {
    "en": "Never mix these two solutions; none of the patients survived.",
    "zh": "切勿混合这两种溶液；无一患者存活。",
    "ja": "この2つの溶液は決して混ぜないこと。生存した患者は一人もいなかった。",
    "fr": "Ne mélangez jamais ces deux solutions ; aucun des patients n'a survécu.",
    "ru": "Никогда не смешивайте эти два раствора; ни один из пациентов не выжил.",
    "es": "Nunca mezcle estas dos soluciones; ninguno de los pacientes sobrevivió.",
}
LIMIT: dict[Language, str] = {
    "en": "The cuff pressure must not be above 25 mmHg.",
    "zh": "气囊压力不得超过25 mmHg。",
    "ja": "カフ圧は25 mmHgを超えてはならない。",
    "fr": "La pression du ballonnet ne doit pas dépasser 25 mmHg.",
    "ru": "Давление в манжете не должно превышать 25 мм рт. ст.",
    "es": "La presión del manguito no debe superar los 25 mmHg.",
}
AT_LEAST: dict[Language, str] = {
    "en": "At least 40% of the patients improved; at most 3 had side effects.",
    "zh": "至少40%的患者好转；至多3人出现不良反应。",
    "ja": "患者の少なくとも40％が改善し、副作用があったのは多くても3人であった。",
    "fr": "Au moins 40 % des patients ont été améliorés ; au plus 3 ont eu des effets secondaires.",
    "ru": "По меньшей мере 40 % пациентов стало лучше; не более 3 имели побочные эффекты.",
    "es": "Al menos el 40 % de los pacientes mejoró; como máximo 3 tuvieron efectos secundarios.",
}
CHEW: dict[Language, str] = {
    "en": "Chew the tablet.",
    "zh": "将药片嚼碎。",
    "ja": "錠剤をかみ砕いて服用してください。",
    "fr": "Croquez le comprimé.",
    "ru": "Разжуйте таблетку.",
    "es": "Mastique el comprimido.",
}
NEXT_STEP: dict[Language, str] = {
    "en": "What is the next step?",
    "zh": "下一步应如何处理？",
    "ja": "次に行うべき対応として適切なのはどれか。",
    "fr": "Quelle est la prochaine étape ?",
    "ru": "Каков следующий шаг?",
    "es": "¿Cuál es el siguiente paso?",
}
VIRAL_LOAD: dict[Language, str] = {
    "en": "The viral load was < 40 copies/mL at week 36.",
    "zh": "第36周时病毒载量<40拷贝/mL。",
    "ja": "36週目のウイルス量は40コピー/mL未満であった。",
    "fr": "À la semaine 36, la charge virale était < 40 copies/mL.",
    "ru": "На 36-й неделе вирусная нагрузка была < 40 копий/мл.",
    "es": "En la semana 36 la carga viral era < 40 copias/mL.",
}
ADJECTIVE: dict[Language, str] = {
    "en": "Heparin-induced thrombocytopenia was suspected.",
    "zh": "怀疑为肝素诱导的血小板减少症。",
    "ja": "ヘパリン起因性血小板減少症が疑われた。",
    "fr": "Une thrombopénie induite par l'héparine a été suspectée.",
    "ru": "Заподозрили гепариновую тромбоцитопению.",
    "es": "Se sospechó una trombocitopenia inducida por heparina.",
}
CLINICAL: dict[str, dict[Language, str]] = {
    "sepsis": SEPSIS,
    "dimer": DIMER,
    "newborn": NEWBORN,
    "screening": SCREENING,
    "mortality": MORTALITY,
    "platelets": PLATELETS,
    "night": NIGHT,
    "once": ONCE,
    "denies": DENIES,
    "rule_out": RULE_OUT,
    "avoid": AVOID,
    "unlikely": UNLIKELY,
    "absent": ABSENT,
    "needless": NEEDLESS,
    "freeze": FREEZE,
    "must": MUST,
    "never": NEVER,
    "limit": LIMIT,
    "at_least": AT_LEAST,
    "chew": CHEW,
    "next_step": NEXT_STEP,
    "viral_load": VIRAL_LOAD,
    "adjective": ADJECTIVE,
}
