"""News agencies and broadcasters by their names: a story of one house is one source in whatever language."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from services.classify.core.reading.text import fold_term

AGENCIES: Mapping[str, tuple[str, ...]] = {
    "AFP": ("AFP", "Agence France-Presse", "France-Presse", "فرانس برس", "法新社", "АФП", "Франс Пресс", "فرانس‌پرس"),
    "AP": (
        "AP",
        "Associated Press",
        "أسوشيتد برس",
        "اسوشيتد برس",
        "美联社",
        "美聯社",
        "Ассошиэйтед Пресс",
        "آسوشیتدپرس",
    ),
    "Reuters": ("Reuters", "رويترز", "路透社", "路透", "Рейтер", "Рейтерс", "رویترز"),
    "EFE": ("EFE", "Agencia EFE", "إفي", "埃菲社", "ЭФЭ"),
    "dpa": ("dpa", "Deutsche Presse-Agentur", "د ب أ", "德新社", "ДПА"),
    "ANSA": ("ANSA", "安莎社", "أنسا", "АНСА"),
    "Lusa": ("Lusa", "Agência Lusa"),
    "TASS": ("TASS", "Itar-Tass", "ТАСС", "塔斯社", "تاس", "ITAR-TASS"),
    "RIA": ("RIA Novosti", "РИА Новости", "РІА Новини", "俄新社", "نوفوستي"),
    "Interfax": ("Interfax", "Интерфакс", "Інтерфакс", "国际文传电讯社", "إنترفاكس"),
    "Xinhua": ("Xinhua", "新华社", "新華社", "Xinhua", "شينخوا", "Синьхуа", "Сіньхуа", "شینهوا"),
    "Anadolu": ("Anadolu", "AA", "Anadolu Ajansı", "الأناضول", "Анадолу", "阿纳多卢", "آناتولی"),
    "IRNA": ("IRNA", "ایرنا", "إرنا", "ИРНА", "伊通社"),
    "ISNA": ("ISNA", "ایسنا"),
    "Ukrinform": ("Ukrinform", "Укринформ", "Укрінформ"),
    "UNIAN": ("UNIAN", "УНИАН", "УНІАН"),
    "Kyodo": ("Kyodo", "共同社", "Киодо"),
    "Yonhap": ("Yonhap", "韩联社", "韓聯社"),
    "PTI": ("Press Trust of India", "PTI"),
    "APA": ("Austria Presse Agentur", "APA"),
    "Notimex": ("Notimex",),
    "SANA": ("SANA", "سانا"),
    "WAFA": ("WAFA", "وفا"),
    "MENA": ("Middle East News Agency", "أنباء الشرق الأوسط"),
    "INA": ("Iraqi News Agency", "واع"),
}
"""Agency -> its names, as texts of the twelve languages write them."""

HOUSES: Mapping[str, tuple[str, ...]] = {
    "Al Jazeera": ("Al Jazeera", "Aljazeera", "الجزيرة", "الجزيرة نت"),
    "BBC": ("BBC", "بي بي سي", "Би-би-си", "بی‌بی‌سی"),
    "CGTN": ("CGTN",),
    "DW": ("DW", "Deutsche Welle", "دويتشه فيله", "Немецкая волна", "德国之声"),
    "Euronews": ("Euronews", "يورونيوز", "یورونیوز"),
    "France 24": ("France 24", "فرانس 24"),
    "NHK": ("NHK",),
    "RFE/RL": ("RFE/RL", "Radio Free Europe", "Радио Свобода", "Радіо Свобода", "Radio Farda", "رادیو فردا"),
    "RFI": ("RFI", "Radio France Internationale", "法广", "آر اف ای", "مونت كارلو الدولية"),
    "RT": ("RT",),
    "Sputnik": ("Sputnik", "سبوتنيك", "اسپوتنیک"),
    "TRT": ("TRT",),
    "UN News": ("UN News", "ONU Info", "Noticias ONU", "أخبار الأمم المتحدة", "联合国新闻"),
    "VOA": ("VOA", "Voice of America", "صدای آمریکا", "Голос Америки", "美国之音"),
}
"""Newsrooms that publish one story in many languages -> how the names of their feeds begin."""

_SHORT = 4
"""Letters up to which an Arabic name may stand inside another word."""

_HOUSE_BY_NAME = {fold_term(name): house for house, names in HOUSES.items() for name in names}
_BY_NAME = {fold_term(name): agency for agency, names in AGENCIES.items() for name in names}

_FUSED = {
    name: agency
    for name, agency in _BY_NAME.items()
    if name[0] >= "\u2e80" or (name[0] >= "\u0600" and len(name) > _SHORT)
}
"""Names that may stand without spaces around them: in Chinese, and behind an Arabic clitic."""


def agencies_in(says: Iterable[str]) -> tuple[str, ...]:
    """The agencies that the quoted sources name, in alphabetical order."""
    found = set()
    for quote in says:
        words = f" {fold_term(quote)} "
        found |= {agency for name, agency in _BY_NAME.items() if name in words and f" {name} " in words}
        found |= {agency for name, agency in _FUSED.items() if name in words}
    return tuple(sorted(found))


@lru_cache(maxsize=4096)
def houses_of(outlet: str) -> tuple[str, ...]:
    """The houses whose feed an outlet's name says it is: the BBC of "BBC News فارسی", Reuters of "Reuters: World"."""
    name = f"{fold_term(outlet)} "
    begins = {house for own, house in _HOUSE_BY_NAME.items() if name.startswith(f"{own} ")}
    return tuple(sorted(begins | set(agencies_in((outlet,)))))
