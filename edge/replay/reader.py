"""Opens a recording of any known form: GPX begins as XML does, all else is taken for NMEA."""

from pathlib import Path

from edge.replay.gpx import read_gpx
from edge.replay.nmea_log import read_nmea
from edge.replay.recording import Recording, content


def read_recording(path: Path) -> Recording:
    """The recording in a file; raises RecordingError, which names file, line and cause."""
    data = content(path)
    is_xml = data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")
    return read_gpx(data, path) if is_xml else read_nmea(data, path)
