"""What /main.py is for a board: picks the folder of firmware on the host's image, and starts it."""

import gc
import os
import sys


def start() -> None:
    """Until the power goes. Of the firmware beside the image nothing stays in memory but this."""
    from firmware.ports import image
    from firmware.update import slots

    image.mount(os.getenv("ORTOO_IMAGE") or "")
    slot, is_safe = slots.begin(image.SLOTS, image.is_there(os.getenv("ORTOO_RTC") or ""))
    sys.path.insert(0, image.MOUNT + "/" + slot)
    del image, slots
    for name in list(sys.modules):
        if name.split(".")[0] == "firmware":
            del sys.modules[name]
    gc.collect()
    from firmware.main import main

    main(is_safe)
