"""The judges on either interpreter: a logger's samples, and a node's cabinet whose power is cut at random."""

# ruff: noqa: UP031

from firmware.cabinet.cabinet import Cabinet
from firmware.cabinet.excursion import Judge
from firmware.cabinet.profile import profile_of
from firmware.clock import BUILT_MS, Clock
from firmware.drivers import DriverFault
from firmware.store.notes import Notes

try:
    from dice_judge import Dice  # on a board they lie beside each other
except ImportError:
    from tests.firmware.dice_judge import Dice

MINUTE_MS = 60000
UTC_MS = BUILT_MS + 86400000
APART_S = (58, 59, 60, 60, 60, 61, 62)
HOLES_S = (120, 126, 128, 130, 200, 3600)
LEVELS_CC = (500, 790, 801, 900, 900, 900, 900, 900, 900, 1500, 150)
GIVEN = (
    {
        "name": "fridge",
        "type": "x",
        "profile": "tight",
        "alarm": {"low_cc": 200, "high_cc": 800, "for_s": 600},
    },
    {"name": "box", "type": "x", "profile": "shipment-2"},
    {"name": "shelf", "type": "x", "slot": {"item": "bcg-10", "pack_mg": 25000, "most_mg": 5000000}},
)


def told(given):
    """What the judge says of samples: (profile, period in ms, [[moment, 0.01 deg C], ...])."""
    name, period_ms, samples = given
    profile = profile_of(name)
    judge, out = Judge(profile, period_ms), []
    for at_ms, value_cc in samples:
        out += judge.take(at_ms, value_cc)
    out += judge.settle(samples[-1][0] + 1)
    return [[one.at_ms, plain(one.values(profile))] for one in out]


def plain(values):
    """In an order of its own: MicroPython's dictionaries have none."""
    return [[name, values[name]] for name in sorted(values)]


class Files:
    """A flash that is a dictionary."""

    def __init__(self):
        self.held = {}

    def names(self):
        return sorted(self.held)

    def read(self, name):
        return self.held[name]

    def append(self, name, data):
        self.held[name] = self.held.get(name, b"") + data

    def remove(self, name):
        del self.held[name]


class Node:
    """A cabinet through any number of starts; what it records, at the time that it was."""

    def __init__(self, given=GIVEN, sample_s=0):
        self.given, self.sample_s = given, sample_s
        self.files = Files()
        self.boots = 0
        self.records = []
        self.faults = []
        self.start(0)

    def start(self, at_ms, is_new=True, is_timed=True):
        """Power is back at `at_ms`; or the same boot has woken."""
        self.boots += is_new
        self.boot_ms = at_ms if is_new else self.boot_ms
        self.notes = Notes(self.files)
        self.clock = Clock()
        if is_timed:
            self.win(at_ms)
        boot = "%016x" % self.boots
        self.cabinet = Cabinet(self.given, self.clock, self, boot, at_ms - self.boot_ms, self.sample_s)
        self.cabinet.resume(self.notes)

    def win(self, at_ms):
        """The clock is won."""
        self.clock.offer("ntp", UTC_MS + at_ms, at_ms - self.boot_ms)

    def begin(self, part, code, detail=""):
        self.faults.append([part, code, 0])

    def end(self, part, code=None):
        self.faults.append([part, code, 1])

    def look(self, at_ms, name, kind, values):
        """A driver was read, or was not: values None. What is told is on flash at the end."""
        now_ms = at_ms - self.boot_ms
        if values is not None:
            try:
                self.cabinet.take(kind, name, values, now_ms)
            except DriverFault as fault:
                self.faults.append([name, fault.code, 0])
        for made in self.cabinet.step(now_ms):
            self.records.append([made[3] + self.boot_ms, made[0], made[1], plain(made[2])])
        self.cabinet.keep(self.notes, now_ms)


def days(given):
    """Records of so many days made from seeds, the power cut before some samples: [seeds, cuts in 100]."""
    seeds, cuts_pct = given
    return [day(Dice(seed), cuts_pct, Dice(seed + 1)) for seed in seeds]


def day(dice, cuts_pct, fate):
    """The same whatever `fate` cuts."""
    node, at_ms, level = Node(), 0, 500
    blind = 0  # samples until it is seen that the clock was won after a start; a cut would lose those
    for _ in range(400):
        apart_s = HOLES_S if dice.below(100) == 0 else APART_S
        at_ms += apart_s[dice.below(len(apart_s))] * 1000
        if dice.below(60) == 0:
            level = LEVELS_CC[dice.below(len(LEVELS_CC))]
        blind -= 1
        if fate.below(100) < cuts_pct and blind < 0:
            kind = fate.below(3)
            node.start(at_ms - 5000, kind > 0, kind < 2)
            blind = 4 if kind == 2 else 0
        if blind == 2 or (blind > 2 and apart_s is HOLES_S):
            node.win(at_ms)
        for name in ("fridge", "box"):
            is_dead = dice.below(300) == 0
            values = None if is_dead else {"temperature_cc": level + dice.below(20)}
            node.look(at_ms, name, "climate", values)
    node.win(at_ms)
    node.look(at_ms + 1000, "fridge", "climate", None)
    return [record for record in sorted(node.records)]
