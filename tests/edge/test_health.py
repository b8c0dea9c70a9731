"""The machine's own values, from a made /proc and /sys; what is not there is absent."""

from pathlib import Path

from edge.health import Machine
from firmware import wire


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_pi_tells_what_it_knows(tmp_path: Path) -> None:
    put(tmp_path, "proc/uptime", "351.37 1200.50\n")
    put(tmp_path, "proc/loadavg", "0.42 0.30 0.10 1/120 4711\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "48312\n")
    put(tmp_path, "sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
    put(tmp_path, "sys/class/power_supply/battery/type", "Battery\n")
    put(tmp_path, "sys/class/power_supply/battery/voltage_now", "12650000\n")
    put(tmp_path, "sys/class/power_supply/usb/type", "USB\n")
    put(tmp_path, "sys/class/power_supply/usb/voltage_now", "5080000\n")
    machine = Machine(tmp_path, tmp_path)
    health = machine.health()
    assert (health["uptime_s"], health["load_c"], health["soc_temperature_cc"]) == (351, 42, 4831)
    assert isinstance(health["disk_free_mib"], int)
    power = machine.power()
    assert power == {"supply_mv": 5080, "battery_mv": 12650, "is_ignition_on": None, "is_undervolted": 1}
    wire.check_values("power", power)
    wire.check_values("health", health)


def test_what_cannot_be_read_is_absent_and_never_zero(tmp_path: Path) -> None:
    put(tmp_path, "proc/uptime", "")
    put(tmp_path, "proc/loadavg", "high\n")
    put(tmp_path, "sys/class/power_supply/usb/type", "USB\n")
    put(tmp_path, "sys/class/power_supply/usb/voltage_now", "-1000000\n")
    machine = Machine(tmp_path / "no-disk", tmp_path)
    assert set(machine.health().values()) == {None}
    assert set(machine.power().values()) == {None}


def test_this_machine_is_accepted_by_the_wire() -> None:
    machine = Machine(Path("/"))
    wire.check_values("health", machine.health())
    wire.check_values("power", machine.power())


def test_one_sensor_that_is_mad_does_not_cost_the_others(tmp_path: Path) -> None:
    put(tmp_path, "proc/uptime", "351.37 1200.50\n")
    put(tmp_path, "proc/loadavg", "nan 0 0 1/1 1\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "-274000\n")
    health = Machine(tmp_path, tmp_path).health()
    wire.check_values("health", health)
    assert (health["uptime_s"], health["load_c"], health["soc_temperature_cc"]) == (351, None, None)
