"""The taxonomy: one table from incident type to other systems' codes, and from weapon to type.

Codes: ACLED codebook (sub-event types), GTD codebook (attack types 1 to 9), IPTC Media Topics.
"""

from dataclasses import dataclass

from services.contracts.report import IncidentType as T
from services.contracts.report import Severity


@dataclass(frozen=True, slots=True)
class Taxon:
    """Codes of a type. `family` groups types that two reporters may give one incident; `severity` is where
    scoring starts; `rank` orders types by how exactly they name what happened (a finer one wins a merge)."""

    acled: str
    gtd: tuple[int, ...]
    iptc: str
    family: str
    severity: Severity
    rank: int


TAXONOMY: dict[T, Taxon] = {
    T.ROCKET_MORTAR_MISSILE: Taxon(
        "Shelling/artillery/missile attack", (3,), "20000056", "explosive", Severity.SEVERE, 8
    ),
    T.AIR_DRONE_STRIKE: Taxon("Air/drone strike", (3,), "20000056", "explosive", Severity.SEVERE, 8),
    T.BOMBING_IED: Taxon("Remote explosive/landmine/IED", (3,), "20000055", "explosive", Severity.SEVERE, 7),
    T.SUICIDE_ATTACK: Taxon("Suicide bomb", (3,), "20000055", "explosive", Severity.EXTREME, 9),
    T.ARMED_ATTACK_SHOOTING: Taxon("Attack", (2,), "20000053", "armed", Severity.SEVERE, 3),
    T.STABBING_RAMMING_ASSAULT: Taxon("Attack", (2, 8), "20000084", "armed", Severity.MODERATE, 6),
    T.ASSASSINATION_STAFF: Taxon("Attack", (1,), "20000099", "armed", Severity.EXTREME, 7),
    T.KIDNAP_HOSTAGE: Taxon("Abduction/forced disappearance", (6, 5), "20000100", "kidnap", Severity.SEVERE, 9),
    T.STORMING_INTRUSION: Taxon("Mob violence", (7, 5), "20000069", "crowd", Severity.SEVERE, 7),
    T.ARSON_INCENDIARY: Taxon("Looting/property destruction", (7,), "20000083", "crowd", Severity.MODERATE, 6),
    T.VANDALISM_DAMAGE: Taxon("Looting/property destruction", (7,), "20000082", "crowd", Severity.MINOR, 4),
    T.VIOLENT_PROTEST: Taxon("Violent demonstration", (), "20000069", "crowd", Severity.MODERATE, 5),
    T.PEACEFUL_PROTEST_BLOCKADE: Taxon("Peaceful protest", (), "20000066", "crowd", Severity.MINOR, 2),
    T.THREAT_HOAX_SUSPECT_ITEM: Taxon("Disrupted weapons use", (), "20000082", "threat", Severity.MINOR, 5),
    T.CBRN_SUBSTANCE: Taxon("Chemical weapon", (3, 8), "20000053", "cbrn", Severity.SEVERE, 9),
    T.SECURITY_POSTURE: Taxon("Arrests", (), "20000129", "posture", Severity.MINOR, 1),
}

WEAPON_TYPES: dict[str, T] = {
    "rocket": T.ROCKET_MORTAR_MISSILE,
    "mortar": T.ROCKET_MORTAR_MISSILE,
    "missile": T.ROCKET_MORTAR_MISSILE,
    "artillery": T.ROCKET_MORTAR_MISSILE,
    "drone": T.AIR_DRONE_STRIKE,
    "aircraft": T.AIR_DRONE_STRIKE,
    "suicide_vest": T.SUICIDE_ATTACK,
    "car_bomb": T.BOMBING_IED,
    "roadside_bomb": T.BOMBING_IED,
    "letter_bomb": T.BOMBING_IED,
    "bomb": T.BOMBING_IED,
    "dynamite": T.BOMBING_IED,
    "grenade": T.BOMBING_IED,
    "gun": T.ARMED_ATTACK_SHOOTING,
    "knife": T.STABBING_RAMMING_ASSAULT,
    "vehicle": T.STABBING_RAMMING_ASSAULT,
    "molotov": T.ARSON_INCENDIARY,
    "stones": T.VIOLENT_PROTEST,
    "paint": T.VANDALISM_DAMAGE,
    "powder": T.CBRN_SUBSTANCE,
    "chemical": T.CBRN_SUBSTANCE,
}
"""Weapons a lexicon may name (its `[weapons]` keys), each with the type it makes of a plain "attack"."""
