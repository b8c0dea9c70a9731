"""Which units there are: vehicles by kind of public service, and some households with a medicine cabinet."""

from dataclasses import dataclass

from edge.simulate.places import places
from edge.simulate.receiver import TALKERS

LEAGUES = {
    "Ordos": "鄂尔多斯",
    "Xilingol": "锡林郭勒",
    "Hulunbuir": "呼伦贝尔",
    "Alxa": "阿拉善",
    "Ulanqab": "乌兰察布",
    "Chifeng": "赤峰",
    "Tongliao": "通辽",
    "Hinggan": "兴安",
    "Baotou": "包头",
    "Bayannur": "巴彦淖尔",
    "Hohhot": "呼和浩特",
    "Wuhai": "乌海",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of vehicle; `first` is the league of the first of them."""

    word: str
    name_zh: str
    capabilities: tuple[str, ...]
    first: str


KINDS = (
    Kind("library", "流动图书馆", ("library",), "Ordos"),
    Kind("hospital", "流动医院", ("health",), "Xilingol"),
    Kind("police", "草原110", ("police", "health", "fire"), "Hulunbuir"),
    Kind("govserv", "政务服务直通车", ("govserv",), "Chifeng"),
    Kind("culture", "流动文化车", ("culture", "library", "science"), "Ordos"),
    Kind("classroom", "流动课堂", ("education",), "Ulanqab"),
    Kind("bookhouse", "流动书屋", ("library",), "Hohhot"),
    Kind("science", "科技服务车", ("science",), "Tongliao"),
    Kind("court", "巡回法庭", ("justice",), "Hinggan"),
    Kind("eldercare", "流动养老服务车", ("eldercare", "health"), "Baotou"),
    Kind("ulanmuqir", "乌兰牧骑演出车", ("culture",), "Xilingol"),
    Kind("livelihood", "民生配送车", ("distribution",), "Alxa"),
)

FURNISHED = 24  # units, of which the last are households and those for health have a cabinet
HOMES = ("Xilingol", "Hulunbuir", "Ordos", "Alxa")


@dataclass(frozen=True, slots=True)
class Unit:
    """One simulated unit; everything about it follows from its id and its home."""

    id: str
    name: str
    capabilities: tuple[str, ...]
    league: str
    home_id: int
    talker: str
    is_nmea41: bool
    cabinet: str = ""  # its style: clinic or home

    @property
    def is_library(self) -> bool:
        """Whether it lends books."""
        return "library" in self.capabilities

    @property
    def has_help_button(self) -> bool:
        """Whether its crew presses it now and then."""
        return self.id == "police-01"

    @property
    def is_home(self) -> bool:
        """Whether it is a household and no vehicle."""
        return self.cabinet == "home"


def _home(index: int) -> Unit:
    number = index - (FURNISHED - len(HOMES))
    league = HOMES[number]
    homes = [place.geonameid for place in places().values() if place.league == league]
    return Unit(
        id=f"home-{number + 1:02d}",
        name=f"{LEAGUES[league]}牧户药箱 {number + 1}号",
        capabilities=("health",),
        league=league,
        home_id=homes[3 * (number + 1) % len(homes)],
        talker="GN",
        is_nmea41=False,
        cabinet="home",
    )


def _unit(index: int) -> Unit:
    if FURNISHED - len(HOMES) <= index < FURNISHED:
        return _home(index)
    kind, turn = KINDS[index % len(KINDS)], index // len(KINDS)
    leagues = list(LEAGUES)
    league = leagues[(leagues.index(kind.first) + 5 * turn) % len(leagues)]
    homes = [place.geonameid for place in places().values() if place.league == league]
    return Unit(
        id=f"{kind.word}-{turn + 1:02d}",
        name=f"{LEAGUES[league]}{kind.name_zh} {turn + 1}号",
        capabilities=kind.capabilities,
        league=league,
        home_id=homes[(3 * index + turn) % len(homes)],
        talker=TALKERS[index % len(TALKERS)],
        is_nmea41=index % 3 == 1,
        cabinet="clinic" if "health" in kind.capabilities and index < FURNISHED else "",
    )


def fleet(number: int) -> list[Unit]:
    """The first so many units, always the same ones."""
    return [_unit(index) for index in range(number)]
