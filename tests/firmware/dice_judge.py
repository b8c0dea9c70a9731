"""The same chance on both interpreters, and sentences to play with."""

SENTENCES = (
    b"$GPRMC,123519.00,A,4807.0380,N,01131.0000,E,022.4,084.4,230394,,,A*",
    b"$GNRMC,235959.99,A,8959.9999,S,17959.9999,W,0.00,,311299,,,D*",
    b"$GPRMC,000000,V,,,,,,,010100,,,N*",
    b"$GPGGA,123519.00,4807.0380,N,01131.0000,E,1,08,0.9,545.4,M,46.9,M,,*",
    b"$GPGGA,123519.00,,,,,0,00,99.99,,,,,,*",
)


class Dice:
    """The same numbers everywhere (Park and Miller 1988)."""

    def __init__(self, seed):
        self.value = seed * 7919 % 2147483646 + 1

    def below(self, limit):
        self.value = self.value * 16807 % 2147483647
        return self.value % limit

    def bytes(self, size):
        return bytes([self.below(256) for _ in range(size)])
