"""The kinds of record, and their fields: the only place where they are declared.

    "kind": number lane usual-source        the number is its protobuf field in a batch
        field number coding low high unit   a scaled integer; the codings are drawn in wire.py
        field number words one two three    an enumeration, counted from 0
        field number text
        field! ...                          it is needed: a record without it is refused

A text for each kind, which becomes fields when somebody speaks of the kind: a board has no room for all of
them. Limits by name are those of wire.py: u31, u53, time. Numbers are never reused; a field is only ever
appended, because stored rows are read by position.
"""

from firmware import late

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Given = tuple[str, int, str, int, int, str, tuple[str, ...], bool]  # as wire.Field takes them

TABLE = {
    "fix": """16 track gnss
        lat_e7 8 second -900000000 900000000 1e-7 deg, WGS-84
        lon_e7 9 second -1800000000 1800000000 1e-7 deg, WGS-84
        altitude_msl_dm 10 diff -10000 200000 dm above mean sea level
        speed_cm_s 11 diff 0 50000 cm/s over ground
        course_ddeg 12 diff 0 3599 0.1 deg, true
        satellites 13 rare 0 99 count
        hdop_c 14 rare 0 9999 1/100
        fix_mode! 15 words none 2d 3d
        quality 16 words gnss dgnss rtk float_rtk dead_reckoning""",
    "power": """17 sense unit
        supply_mv 8 diff 0 100000 mV
        battery_mv 9 diff 0 100000 mV
        is_ignition_on 10 words no yes
        is_undervolted 11 words no yes""",
    "health": """18 sense unit
        uptime_s 8 diff 0 u31 s
        disk_free_mib 9 diff 0 u31 MiB
        outbox_rows 10 diff 0 u31 count
        outbox_age_s 11 diff 0 u31 s
        soc_temperature_cc 12 diff -10000 20000 0.01 deg C
        load_c 13 diff 0 100000 1/100
        odometer_m 14 second 0 u53 m
        dropped 15 diff 0 u53 count
        nmea_refused 16 diff 0 u53 count
        reconnects 17 diff 0 u31 count""",
    "fault": """19 event unit
        part! 8 text
        code! 9 text
        state! 10 words raised cleared
        detail 11 text""",
    # What a unit had to drop: `count` rows of `lane` between the two numbers, and the hard bound in metres
    # within which the rows that stay still describe a thinned track.
    "thinned": """20 event outbox
        lane! 8 words event sense track
        first_seq! 9 diff 1 u53 count
        last_seq! 10 diff 1 u53 count
        count! 11 diff 0 u53 count
        reason! 12 words quota damaged fork
        bound_m 13 diff 0 1000000 m""",
    # The clock was won or stepped: records of this boot whose `clock` ranks below `clock` here happened
    # `step_ms` later than they say. (`time_ms` and `boot_at_ms` are already the new ones.)
    "clock_set": """21 event clock
        step_ms! 8 diff -time time ms
        was! 9 words none estimated rtc ntp gnss""",
    "answer": """22 event unit
        command_id! 8 text
        state! 9 words done refused expired
        detail 10 text
        rows 11 diff 0 u53 count""",
    # What a probe measures; its source is the probe's name. A dead probe is a fault, never a value.
    "climate": """23 sense probe
        temperature_cc 8 diff -20000 20000 0.01 deg C
        humidity_cpct 9 diff 0 10000 0.01 %
        is_door_open 10 words no yes""",
    # A door changed. When it closed, `open_ms` is how long it had been open.
    "door": """24 event door
        state! 8 words closed open
        open_ms 9 diff 0 u53 ms""",
    # Stock observed, never booked: `pieces` lie there, or `change_pieces` came (+) and went (-) within the
    # `began_ago_ms` before this record. A scale sees only changes; without `change_pieces` it could not say
    # how many packs `change_mg` is. `sure_pct` is how sure the observer is.
    "count": """25 event cabinet
        method! 8 words weight person tag
        slot 9 text
        item 10 text
        lot 11 text
        pieces 12 diff 0 u31 count
        change_pieces 13 diff -u31 u31 count
        change_mg 14 diff -u31 u31 mg
        sure_pct 15 rare 0 100 %
        began_ago_ms 16 diff 0 u53 ms before time_ms
        actor 17 text""",
    # Stock moved by a person. `pieces` or `packs` are how many, above 0 but for "adjust", where less than 0
    # takes away; with neither it was one pack. `code` is what was scanned, in printable form (a GS1 separator
    # as {GS}); `item` is the unit's own name for it, absent when its planogram does not know the code.
    "move": """26 event cabinet
        move! 8 words receive dispense transfer discard adjust
        slot 9 text
        item 10 text
        gtin 11 text
        lot 12 text
        expires_on 13 diff 0 65535 days since 1970
        serial 14 text
        pieces 15 diff -u31 u31 count
        packs 16 diff 1 u31 count
        reason 17 text
        actor 18 text
        from_site 19 text
        to_site 20 text
        code 21 text""",
    # Out of the safe range for longer than a rule allows, judged on the unit; its source is the probe. All
    # records of one excursion bear its `number`, which counts up per probe and epoch: one when the rule is
    # broken, one an hour while that lasts, one at the end ("lost": the probe fell silent while outside, or
    # nobody knows how it ended). The rule: `comparator` `limit_cc` for `limit_s`, in one run or in sum.
    # `began_ago_ms` and `ended_ago_ms` (the last sample outside) count back from this record's `time_ms`.
    "excursion": """27 event probe
        number! 8 diff 1 u31 count
        state! 9 words open ended lost
        direction! 10 words low high
        judgement! 11 words single cumulative
        comparator! 12 words below at_or_below above at_or_above
        limit_cc! 13 diff -20000 20000 0.01 deg C
        limit_s! 14 diff 0 u31 s
        began_ago_ms! 15 diff 0 u53 ms before time_ms
        ended_ago_ms 16 diff 0 u53 ms before time_ms
        outside_s! 17 diff 0 u31 s
        lowest_cc 18 diff -20000 20000 0.01 deg C
        highest_cc 19 diff -20000 20000 0.01 deg C
        profile! 20 text
        profile_version! 21 rare 1 u31 count""",
    # A fact about one copy of a book, never a booking: the service gives each one verdict. Its id is its own
    # (epoch, lane, seq). `item` is what the copy's tag or barcode names (ISO 28560 PII), `owner` the ISIL of
    # its library as on the tag. What happened:
    #   lent, renewed, returned   by `reader`: HMAC-SHA256 of the card under the key named `reader_key`, its
    #       first 16 bytes in hex (absent: nobody knows). `loan` is the unit's own name for the loan, the same
    #       in all that becomes of it; absent when it began elsewhere. `due_on` is the local day. `ruling` is
    #       what the unit's rules said, by lists that were `lists_age_s` old (absent: no list, or no clock):
    #       "allowed", "overridden" (a person did it all the same, for `reason`) or "unchecked" (no list was
    #       ever there). `rules` names those that spoke against it, with blanks between.
    #   seen, gone   on this unit's shelf, by the inventory of that number (absent: by chance). Told when it
    #       differs from what was told last: all that came (seen, returned) and did not go (lent, gone) is
    #       there. `place` is how it fits the shelf list: "present", "misplaced" (lies on `shelf`, belongs on
    #       `home_shelf`) or "foreign" (on no list).
    #   repaired   the tag's AFI is right at last, after `is_afi_pending`
    # `afi` is what was read back from the tag (0x07 in the library, 0xC2 on loan; absent: not read). A tag
    # that names no item is told by `tag_id` (UID or EPC in hex), its `layout` and what it holds (`raw`, hex).
    "book": """28 event books
        event! 8 words lent returned renewed seen gone repaired
        item 9 text
        owner 10 text
        method 11 words tag barcode typed
        reader 12 text
        reader_key 13 text
        loan 14 text
        due_on 15 diff 0 65535 days since 1970
        ruling 16 words allowed overridden unchecked
        rules 17 text
        lists_age_s 18 diff 0 u31 s
        reason 19 text
        actor 20 text
        shelf 21 text
        home_shelf 22 text
        place 23 words present misplaced foreign
        inventory 24 diff 1 u31 count
        sure_pct 25 rare 0 100 %
        afi 26 diff 0 255 AFI of ISO 15693
        is_afi_pending 27 words no yes
        is_eas_on 28 words no yes
        usage 29 diff 0 255 type of usage, ISO 28560
        layout 30 words unknown iso28560_2 iso28560_3 iso28560_4 university blank damaged
        tag_id 31 text
        raw 32 text""",
    # A shelf check as a whole: rounds were read until nothing new came ("stable"), or a person ended it
    # ("stopped"; then nothing is told as gone). Its number counts up per unit and epoch; without `shelf` it
    # was the whole unit. `expected` by shelf list and loans, of which `present` and `missing`; `sure_pct` is
    # how sure it is that all that lies there was read.
    "inventory": """29 event books
        number! 8 diff 1 u31 count
        state! 9 words stable stopped
        shelf 10 text
        method 11 words tag barcode typed
        began_ago_ms 12 diff 0 u53 ms before time_ms
        rounds 13 diff 0 u31 count
        expected 14 diff 0 u31 count
        present 15 diff 0 u31 count
        missing 16 diff 0 u31 count
        misplaced 17 diff 0 u31 count
        foreign 18 diff 0 u31 count
        unread 19 diff 0 u31 count
        sure_pct 20 rare 0 100 %
        lists_age_s 21 diff 0 u31 s
        actor 22 text""",
    # What the crew found out about a conflict that the service listed under the name `conflict`: the book is
    # here, is with the reader, is not to be found, or the thing is settled with the reader (`note` says how).
    "settle": """30 event books
        conflict! 8 text
        finding! 9 words here with_reader not_found settled
        item 10 text
        note 11 text
        actor 12 text""",
    # The unit took over new lists (shelf, blocks, holds, conflicts) as of `as_of_ms`, or could not: then
    # `state` is "refused" and the old ones, if any, stay in force. `revision` is the name of the lists.
    "lists": """31 event books
        state! 8 words taken refused
        revision 9 text
        as_of_ms 10 diff 0 time ms since 1970 UTC
        items 11 diff 0 u31 count
        blocks 12 diff 0 u31 count
        holds 13 diff 0 u31 count
        conflicts 14 diff 0 u31 count
        detail 15 text""",
    # A person asks for aid, or takes that back; its source is the button. `call` is the unit's own name for
    # the call, random, the same in all that becomes of it; a button that is held or hammered makes one.
    # `held_ms` is for how long it was held to take the call back. The position is the newest that the unit
    # knew, `fix_age_s` before this record; without one all three are absent.
    "help": """32 event help
        event! 8 words called cancelled
        call! 9 diff 1 u31 name
        held_ms 10 diff 0 u31 ms
        lat_e7 11 second -900000000 900000000 1e-7 deg, WGS-84
        lon_e7 12 second -1800000000 1800000000 1e-7 deg, WGS-84
        fix_age_s 13 diff 0 u31 s""",
}


def head(kind: str) -> "tuple[int, str, str]":
    """Number, lane, usual source."""
    number, lane, source = TABLE[kind].split("\n")[0].split()
    return int(number), lane, source


def fields(kind: str, limits: "dict[str, int]") -> "Iterator[Given]":
    """What each of its fields is made of; `limits` by their names here."""
    for line in TABLE[kind].split("\n")[1:]:
        words = line.split()
        name, number, coding, words = words[0], int(words[1]), words[2], words[3:]
        given = name.rstrip("!"), number
        if coding == "words":
            yield given + ("word", 0, len(words) - 1, "rare", tuple(words), name[-1] == "!")
        elif coding == "text":
            yield given + ("text", 0, limits["text"], "text", (), name[-1] == "!")
        else:
            low, high = _number(words[0], limits), _number(words[1], limits)
            unit = "" if late.IS_BOARD else " ".join(words[2:])  # which nobody reads there
            yield given + (unit, low, high, coding, (), name[-1] == "!")


def _number(text: str, limits: "dict[str, int]") -> int:
    """By its name or by its digits."""
    sign, size = (-1, text[1:]) if text[0] == "-" else (1, text)
    return sign * (limits[size] if size in limits else int(size))
